internal import JobStorage
internal import Jobs
internal import Postgres
internal import Service

/// Renews the leases of the held jobs, on a thread and a connection of its own, so that neither a busy handler nor a slow
/// statement costs a live worker its claims.
struct Heartbeat: Sendable {
    let settings: WorkerSettings
    let held: HeldJobs
    let health: Health?
    let stop: Wakeup
    let log: Log

    func run() {
        let store = JobStore(Database(url: settings.databaseURL, name: "job-worker heartbeat"))
        var lost = 0
        // Three beats a lease: two may fail.
        repeat {
            let claims = held.claims
            // With none to renew it only tells whether it could.
            guard !claims.isEmpty || health != nil else { continue }
            do throws(PostgresError) {
                let renewed = try store.renew(claims, lease: settings.lease)
                health?.noteBeat()
                let missing = held.lose(Set(claims.filter { renewed[$0.id] != $0.attempt }))
                guard missing > 0 else { continue }
                lost += missing
                log.warning("lost \(missing) claims: the jobs are another worker's", ["lost": "\(lost)"])
            } catch {
                log.warning("no heartbeat", ["error": error.description])
            }
        } while !stop.wait(until: Deadline(after: .milliseconds(settings.lease * 1000 / 3)))
    }
}
