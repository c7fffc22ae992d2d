internal import Jobs
internal import Service

/// Stops jobs that exceed JOB_TIMEOUT. On a thread of its own: a timeout depends on nothing else that goes on.
struct Timekeeper: Sendable {
    let held: HeldJobs
    /// Begins a graceful stop of the worker.
    let shutdown: Wakeup
    let stop: Wakeup
    let log: Log

    func run() {
        while true {
            let (stuck, next) = held.enforceDeadlines()
            if !stuck.isEmpty {
                // A Swift handler that ignores its cancellation. Only the end of the process stops what it does.
                log.critical(
                    "handlers do not stop when they are cancelled; this worker restarts",
                    ["jobs": stuck.map { $0.id.description }.joined(separator: ",")])
                shutdown.signal()
            }
            if stop.wait(until: next) { return }
        }
    }
}
