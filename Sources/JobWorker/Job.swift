/// A job that a worker has claimed, as its handler sees it.
///
/// The same job can reach a handler more than once: a worker that is lost while it runs a job loses its claim, and another
/// worker runs the job again. ``attempt`` tells the runs apart.
public struct Job: Sendable, Hashable {
    /// The job's own number, as in `/v1/jobs/1`.
    public let id: Int64

    /// What the job is about: the `object_id` it was created with.
    public let objectID: Int32

    /// Which claim of this job this is: 1 for the first, and one more each time a worker was lost or handed it back.
    public let attempt: Int32

    /// Creates the description of a claimed job. Only tests of a handler need to call this.
    ///
    /// - Parameters:
    ///   - id: The job's own number.
    ///   - objectID: What the job is about.
    ///   - attempt: Which claim of the job this is; the first is 1.
    public init(id: Int64, objectID: Int32, attempt: Int32 = 1) {
        self.id = id
        self.objectID = objectID
        self.attempt = attempt
    }
}
