/// A worker's right to run a job and to say how it ended, as long as the job has this `attempt` and `token`.
package struct Claim: Sendable, Hashable {
    package let id: JobID
    package let objectID: ObjectID
    /// 1 for the first claim of the job, one more for each that follows. What people read.
    package let attempt: Int32
    /// Random, so that no other claim has it: after a restore of the database, ids and attempts are given again.
    package let token: Int64

    package init(id: JobID, objectID: ObjectID, attempt: Int32, token: Int64) {
        self.id = id
        self.objectID = objectID
        self.attempt = attempt
        self.token = token
    }
}
