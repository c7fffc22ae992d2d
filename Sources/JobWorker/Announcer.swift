internal import JobStorage
internal import Jobs
internal import Redis
internal import Service

/// Announces jobs that this worker put back among those that wait.
struct Announcer {
    let store: JobStore
    let stream: JobStream
    let log: Log
    var id = AnnouncerID.random()

    /// Announces jobs that were written down under `id`, and strikes them out. Where that fails the reconciler does it.
    mutating func announce(_ jobs: [JobID]) {
        guard !jobs.isEmpty else { return }
        do {
            try stream.announce(jobs)
            try stream.confirm()
            try store.forget([id])
        } catch {
            id.renew()
            log.warning("\(jobs.count) jobs are announced later", ["error": "\(error)"])
        }
    }
}
