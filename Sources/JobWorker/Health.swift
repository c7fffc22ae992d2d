internal import Glibc
internal import Service
internal import Synchronization

/// Tells from outside whether this worker works: a file (JOB_HEALTH_PATH) whose time is renewed every second, while jobs are
/// looked for and leases are renewed. A healthcheck asks how old it is.
final class Health: Sendable {
    /// The oldest fetch that counts. One takes up to a second and a half where there is nothing to fetch.
    static let fetchLimit: Duration = .seconds(5)
    private static let pause: Duration = .seconds(1)

    private let path: String
    private let beatLimit: Duration
    private let log: Log
    /// Until when the last success of each counts, in the monotonic clock's nanoseconds.
    private let fetchCounts = Atomic(Int64.min)
    private let beatCounts = Atomic(Int64.min)

    /// Removes what an earlier worker has left.
    /// - Parameter lease: in seconds; so long one heartbeat counts.
    init(path: String, lease: Int, log: Log) throws(SystemError) {
        self.path = path
        self.log = log
        beatLimit = .seconds(lease)
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemError(call: "unlink \(path)", code: errno) }
    }

    /// Jobs were looked for, in Redis or PostgreSQL.
    func noteFetch() { fetchCounts.store(Deadline(after: Health.fetchLimit).nanoseconds, ordering: .relaxed) }

    /// There is no room for more jobs, so that none are looked for.
    func noteFull() { fetchCounts.store(Deadline.never.nanoseconds, ordering: .relaxed) }

    /// There is room again, and jobs are being looked for.
    func noteRoom() {
        _ = fetchCounts.compareExchange(
            expected: Deadline.never.nanoseconds, desired: Deadline(after: Health.fetchLimit).nanoseconds,
            ordering: .relaxed)
    }

    /// The leases were renewed.
    func noteBeat() { beatCounts.store(Deadline(after: beatLimit).nanoseconds, ordering: .relaxed) }

    var isWell: Bool {
        let now = MonotonicClock.nanoseconds
        return fetchCounts.load(ordering: .relaxed) > now && beatCounts.load(ordering: .relaxed) > now
    }

    /// Renews the file's time while all is well, until `stop` is signalled.
    func run(until stop: Wakeup) {
        var failure: SystemError?
        repeat {
            guard isWell else { continue }
            do {
                try renew()
                failure = nil
            } catch {
                if failure != error { log.error("the healthcheck cannot see this worker", ["error": "\(error)"]) }
                failure = error
            }
        } while !stop.wait(until: Deadline(after: Health.pause))
    }

    private func renew() throws(SystemError) {
        // Not through a link, and not into a pipe that nobody reads: the directory may be one that others write to.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw SystemError(call: "open \(path)", code: errno) }
        defer { close(descriptor) }
        guard futimens(descriptor, nil) == 0 else { throw SystemError(call: "futimens", code: errno) }
    }
}
