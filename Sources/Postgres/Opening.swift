internal import CLibPQ
internal import Glibc
internal import Service

/// The search for a host that takes a connection, within one deadline however many there are.
///
/// libpq would try several hosts itself, but not go on to the next when one just does not answer, and it looks names up
/// without a deadline. Here each address has its share of the time that is left before the next is tried beside it; what
/// was begun goes on. So a host that is frozen costs little, and one that is slow has nearly all the time there is.
struct Opening: ~Copyable {
    private struct Attempt {
        let handle: OpaquePointer
        let host: ConnectionString.Host
        var status: PostgresPollingStatusType
    }

    private let options: [(String, String)]
    private let deadline: Deadline
    /// Those that are still to be tried; one without an address is still to be looked up.
    private var hosts: [ConnectionString.Host]
    private var attempts: [Attempt] = []
    private var failures: [String] = []
    /// Whether some host was not just silent.
    private var isRefused = false

    init(_ hosts: [ConnectionString.Host], options: [(String, String)], by deadline: Deadline) {
        self.hosts = hosts
        self.options = options
        self.deadline = deadline
    }

    deinit { for attempt in attempts { PQfinish(attempt.handle) } }

    mutating func run() throws(PostgresError) -> OpaquePointer {
        var next = Deadline(after: .zero)
        while !deadline.hasPassed && !(hosts.isEmpty && attempts.isEmpty) {
            if !hosts.isEmpty && (attempts.isEmpty || next.hasPassed) {
                startNext()
                next = hosts.isEmpty ? deadline : Deadline(after: deadline.remaining / (hosts.count + 1))
            }
            if let handle = step(until: next) { return handle }
        }
        failures += attempts.map { $0.host.failure("no connection in time") }
        failures += hosts.map { $0.failure("there was no time to try it") }
        throw PostgresError(isRefused ? .connection : .timeout, message: failures.joined(separator: "; "))
    }

    private mutating func startNext() {
        guard let host = resolveFirst() else { return }
        hosts.removeFirst()
        let place = [("host", host.name), ("hostaddr", host.address), ("port", host.port)]
        guard let handle = Connection.start(options + place.compactMap { key, value in value.map { (key, $0) } }) else {
            return fail(host.failure("out of memory"))
        }
        let status = PQstatus(handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        attempts.append(Attempt(handle: handle, host: host, status: status))
    }

    /// The first host, with its address; its other addresses are put behind it. A lookup gets half of the host's time.
    private mutating func resolveFirst() -> ConnectionString.Host? {
        let host = hosts[0]
        guard let name = host.name, host.address == nil, !name.hasPrefix("/") else { return host }
        do {
            let limit = Deadline(after: deadline.remaining / (2 * hosts.count))
            let addresses = try Resolver.system.addresses(of: name, by: limit)
            hosts.replaceSubrange(..<1, with: addresses.map { .init(name: name, address: $0, port: host.port) })
            return hosts[0]
        } catch {
            hosts.removeFirst()
            fail(error.description)
            return nil
        }
    }

    /// Waits for any answer and takes what was begun on (`PQconnectPoll`). What failed is given up.
    private mutating func step(until limit: Deadline) -> OpaquePointer? {
        guard !attempts.isEmpty else { return nil }
        var descriptors = attempts.map {
            let events = $0.status == PGRES_POLLING_READING ? POLLIN : POLLOUT
            return pollfd(fd: PQsocket($0.handle), events: Int16(events), revents: 0)
        }
        let isOver = attempts.contains { $0.status == PGRES_POLLING_FAILED }
        _ = poll(&descriptors, nfds_t(descriptors.count), isOver ? 0 : limit.remainingMilliseconds)
        var open: OpaquePointer?
        var pending: [Attempt] = []
        for (var attempt, descriptor) in zip(attempts, descriptors) {
            if descriptor.revents != 0 { attempt.status = PQconnectPoll(attempt.handle) }
            switch attempt.status {
            case PGRES_POLLING_OK where open == nil: open = attempt.handle
            case PGRES_POLLING_FAILED:
                fail(Connection.failure(of: attempt.handle) ?? attempt.host.failure("libpq does not take the options"))
                PQfinish(attempt.handle)
            default: pending.append(attempt)
            }
        }
        attempts = pending
        return open
    }

    private mutating func fail(_ words: String) {
        failures.append(words)
        isRefused = true
    }
}
