/// A worker's right to run a job and to say how it ended, as long as `attempt` is the job's newest.
package struct Claim: Sendable, Hashable {
    package let id: JobID
    package let objectID: ObjectID
    /// The fence: 1 for the first claim of the job, one more for each that follows.
    package let attempt: Int32

    package init(id: JobID, objectID: ObjectID, attempt: Int32) {
        self.id = id
        self.objectID = objectID
        self.attempt = attempt
    }
}
