package import JobStorage
package import Jobs

extension JobStore {
    package func claim(_ ids: [JobID], lease: Int) throws -> [Claim] { try exchange([], for: ids, lease: lease).claims }

    package func finish(_ outcomes: [Outcome]) throws -> Set<JobID> {
        try exchange(outcomes, for: [], lease: 10).finished
    }
}
