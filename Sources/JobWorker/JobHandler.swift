/// What a worker does for each job.
///
/// ```swift
/// struct Resize: JobHandler {
///     func run(_ job: Job) async throws {
///         try await resizeImage(number: job.objectID)
///     }
/// }
/// ```
///
/// Delivery is at least once: when a worker is lost, or is stopped before the handler returns, the job runs again, perhaps
/// while a paused worker still believes it owns it. Make what a handler does idempotent. The final state of a job is
/// written exactly once.
///
/// One value serves every job of a worker, several at a time.
public protocol JobHandler: Sendable {
    /// Does the job's work.
    ///
    /// Returning makes the job `success`. Throwing makes it `failed`, with the description of the error as its message;
    /// that is final, the job is not tried again.
    ///
    /// The task is cancelled when the job exceeds its timeout or the worker is shutting down: stop the work and return
    /// or throw soon.
    ///
    /// - Parameter job: The job to run.
    /// - Throws: Whatever made the job fail.
    func run(_ job: Job) async throws
}
