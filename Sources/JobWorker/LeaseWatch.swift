internal import JobStorage
internal import Jobs
internal import Service
internal import Synchronization

/// The watch that the heartbeat keeps and the reconciler asks before it ends a lease.
final class LeaseWatch: Sendable {
    private let watch: Mutex<ClockWatch>

    /// - Parameter lease: JOB_LEASE, in seconds.
    init(lease: Int) { watch = Mutex(ClockWatch(lease: lease)) }

    func note(_ database: Timestamp, asked: Int64) {
        let answered = MonotonicClock.nanoseconds
        watch.withLock { $0.note(database, asked: asked, answered: answered) }
    }

    /// What is known of the database's clock now; nil where nothing is.
    var watched: JobStore.Watched? {
        let now = MonotonicClock.nanoseconds
        return watch.withLock { $0.watched(at: now) }
    }
}
