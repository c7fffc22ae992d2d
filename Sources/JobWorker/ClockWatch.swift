internal import JobStorage
internal import Jobs

/// Watches the database's clock beside this machine's monotonic one, from one heartbeat to the next.
///
/// The watch is unbroken as long as heartbeats succeed and both clocks go on alike. So while it lasts every worker that lives
/// could renew its leases, and what a lease says can be trusted. It begins anew after PostgreSQL was away, stood still, or
/// recovered for too long, and after its clock was set or is another server's.
struct ClockWatch: Sendable {
    /// One heartbeat.
    private struct Look {
        let database: Timestamp
        /// When it was answered, in the monotonic clock's nanoseconds.
        let answered: Int64
        let asked: Int64
    }

    /// The longest time between two heartbeats, half a lease: a claim that was renewed a third of a lease earlier then still has
    /// a sixth left.
    private let gap: Int64
    /// By how much the clocks may differ over one heartbeat's interval.
    private let tolerance: Int64
    private var since: Int64?
    private var last: Look?

    /// - Parameter lease: JOB_LEASE, in seconds.
    init(lease: Int) {
        gap = Int64(lease) * 1_000_000_000 / 2
        tolerance = Int64(lease) * 1_000_000_000 / 10
    }

    /// A heartbeat that was asked for and answered at these readings of the monotonic clock, and what the database's clock said
    /// in between.
    mutating func note(_ database: Timestamp, asked: Int64, answered: Int64) {
        let look = Look(database: database, answered: answered, asked: asked)
        if !isUnbroken(by: look) { since = answered }
        last = look
    }

    private func isUnbroken(by look: Look) -> Bool {
        guard let last, look.answered - last.asked <= gap else { return false }
        let passed = (look.database.microseconds - last.database.microseconds).multipliedReportingOverflow(by: 1000)
        let possible = look.asked - last.answered - tolerance...look.answered - last.asked + tolerance
        return !passed.overflow && possible.contains(passed.partialValue)
    }

    /// What is known at a reading of the monotonic clock; nil where the last heartbeat is too long ago.
    func watched(at now: Int64) -> JobStore.Watched? {
        guard let since, let last, now - last.asked <= gap else { return nil }
        return JobStore.Watched(
            now: Timestamp(microseconds: last.database.microseconds + (now - last.answered) / 1000),
            seconds: Double(now - since) / 1e9)
    }
}
