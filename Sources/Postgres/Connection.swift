internal import CLibPQ
internal import Glibc
internal import Service

/// One connection to PostgreSQL, owned by one thread; closes in `deinit`.
///
/// Every wait has a deadline: a server that is frozen, or behind a cut cable, costs a caller its timeout and never more.
/// After `PostgresError.Kind.connection` or `.timeout` the connection is closed and of no further use.
package final class Connection {
    private var handle: OpaquePointer?
    private var prepared: Set<String> = []
    private let timeout: Duration

    /// Connects (`PQconnectStart`) and sets the session up.
    /// - Parameters:
    ///   - url: a libpq URI or connection string; of several hosts, the first that takes writes is used.
    ///   - name: `application_name`, seen in `pg_stat_activity`.
    ///   - connectTimeout: the longest wait for all of that, whatever the number of hosts.
    ///   - timeout: the longest wait for a statement; the server gives up on it (`statement_timeout`) a little earlier.
    ///   - lockTimeout: the longest wait for one lock (`lock_timeout`); by default half of `statement_timeout`.
    package init(
        url: String, name: String, connectTimeout: Duration = .seconds(2), timeout: Duration = .seconds(4),
        lockTimeout: Duration? = nil
    ) throws(PostgresError) {
        self.timeout = timeout
        let deadline = Deadline(after: connectTimeout)
        let handle = try Connection.open(url, name: name, by: deadline)
        self.handle = handle
        PQsetnonblocking(handle, 1)
        do {
            try run(Connection.session(timeout, lockTimeout, pid: PQbackendPID(handle)), by: deadline)
        } catch {
            guard error.sqlState == Connection.isPooled else { throw error }
            throw PostgresError(
                .connection,
                message: "a pooler stands between this program and PostgreSQL: connect to PostgreSQL itself")
        }
    }

    deinit { close() }

    /// A commit is durable, whatever the server's default. Every statement of ours finds its rows by key: a plan made while
    /// a table was empty must not scan it, for ever after, when it has ten million rows. The server's timeouts come first,
    /// so that it is the one to say what happened.
    ///
    /// Behind a pooler, each statement may reach another session, with other settings and without what was prepared. The
    /// first line fails there, so that nothing after it is left behind in a session of somebody else's.
    private static func session(_ timeout: Duration, _ lockTimeout: Duration?, pid: Int32) -> String {
        let milliseconds = max(100, timeout.milliseconds * 9 / 10)
        // 0 would be no limit at all.
        let lockMilliseconds = max(1, lockTimeout?.milliseconds ?? milliseconds / 2)
        return """
            SELECT 1 / (pg_backend_pid() = \(pid))::int; -- fails behind a pooler
            SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply';
            SET statement_timeout = \(milliseconds); SET lock_timeout = \(lockMilliseconds);
            SET idle_in_transaction_session_timeout = \(milliseconds); SET jit = off;
            SET enable_seqscan = off; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0;
            SET enable_hashjoin = off; SET enable_mergejoin = off
            """
    }

    /// A division by zero.
    private static let isPooled = SQLState("22012")

    package var isOpen: Bool { handle != nil }

    /// Whether the server has closed the connection since the last statement, as far as was read of it (`PQconsumeInput`): its
    /// last words come first, and the end with the next look. Never waits.
    package var isClosedByServer: Bool {
        guard let handle else { return true }
        return PQconsumeInput(handle) == 0 || PQstatus(handle) == CONNECTION_BAD
    }

    /// Runs `statement`, prepared on its first use here (`PQsendPrepare`, `PQsendQueryPrepared`), in a transaction of its
    /// own and one round trip. Parameters and results are binary.
    package func execute(_ statement: Statement, _ parameters: borrowing Parameters) throws(PostgresError) -> Rows {
        guard let handle else { throw PostgresError(.connection, message: "not connected") }
        let deadline = Deadline(after: timeout)
        if !prepared.contains(statement.name) {
            guard PQsendPrepare(handle, statement.name, statement.sql, 0, nil) == 1 else { throw broken() }
            _ = try result(of: handle, by: deadline, statement: statement.name)
            prepared.insert(statement.name)
        }
        guard send(statement.name, parameters, to: handle) else { throw broken() }
        return try result(of: handle, by: deadline, statement: statement.name)
    }

    /// Runs one or more statements without parameters, as `psql` would: the whole text is one transaction unless it says
    /// otherwise. Used for migrations and session settings.
    @discardableResult
    package func run(_ sql: String, timeout: Duration? = nil) throws(PostgresError) -> Rows {
        try run(sql, by: Deadline(after: timeout ?? self.timeout))
    }

    @discardableResult
    private func run(_ sql: String, by deadline: Deadline) throws(PostgresError) -> Rows {
        guard let handle else { throw PostgresError(.connection, message: "not connected") }
        guard PQsendQuery(handle, sql) == 1 else { throw broken() }
        return try result(of: handle, by: deadline, statement: nil)
    }

    package func close() {
        if let handle { PQfinish(handle) }
        handle = nil
    }

    private func send(_ name: String, _ parameters: borrowing Parameters, to handle: OpaquePointer) -> Bool {
        let ranges = parameters.ranges
        return parameters.bytes.withUnsafeBufferPointer { bytes in
            // An empty buffer has no address, and a null pointer would be a NULL parameter.
            let base = bytes.baseAddress.map { UnsafeRawPointer($0) } ?? UnsafeRawPointer(handle)
            return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: ranges.count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: ranges.count * 2) { numbers in
                    let (lengths, formats) = (numbers.baseAddress, numbers.baseAddress?.advanced(by: ranges.count))
                    for (index, range) in ranges.enumerated() {
                        values[index] = range.map { (base + $0.lowerBound).assumingMemoryBound(to: CChar.self) }
                        lengths?[index] = Int32(range?.count ?? 0)
                        formats?[index] = 1
                    }
                    return PQsendQueryPrepared(
                        handle, name, Int32(ranges.count), values.baseAddress, lengths, formats, 1) == 1
                }
            }
        }
    }

    /// The last result of what was sent, all of it read; the first error of it is thrown.
    private func result(
        of handle: OpaquePointer, by deadline: Deadline, statement: String?
    ) throws(PostgresError) -> Rows {
        var last: Rows?
        var failure: PostgresError?
        while true {
            try waitForResult(of: handle, by: deadline, statement: statement)
            guard let result = PQgetResult(handle) else { break }
            let status = PQresultStatus(result)
            if status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && failure == nil {
                failure = error(of: result, statement: statement)
            }
            last = Rows(result)
        }
        // A server that shuts down sends its error and closes: then the connection's end is what counts.
        let closed = PQstatus(handle) == CONNECTION_BAD
        if closed { close() }
        if let failure {
            throw PostgresError(
                closed ? .connection : .server, sqlState: failure.sqlState, message: failure.message,
                statement: statement)
        }
        guard let last else { throw broken(statement) }
        return last
    }

    private func waitForResult(
        of handle: OpaquePointer, by deadline: Deadline, statement: String?
    ) throws(PostgresError) {
        while true {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw broken(statement) }
            if unsent == 0 && PQisBusy(handle) == 0 { return }
            let events = Int16(POLLIN) | (unsent == 1 ? Int16(POLLOUT) : 0)
            guard Connection.wait(for: events, on: handle, until: deadline) else {
                close()
                throw PostgresError(.timeout, message: "no answer from PostgreSQL in time", statement: statement)
            }
            guard PQconsumeInput(handle) == 1 else { throw broken(statement) }
        }
    }

    /// False when the deadline passed first.
    private static func wait(for events: Int16, on handle: OpaquePointer, until deadline: Deadline) -> Bool {
        while true {
            var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
            let ready = poll(&descriptor, 1, deadline.remainingMilliseconds)
            if ready > 0 { return true }
            if ready == 0 && deadline.hasPassed { return false }
            if ready < 0 && errno != EINTR { return true }
        }
    }

    private func error(of result: OpaquePointer, statement: String?) -> PostgresError {
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        let message = field(Int32(UInt8(ascii: "M"))) ?? String(cString: PQresultErrorMessage(result))
        let state = field(PG_DIAG_SQLSTATE_FIELD).map { SQLState($0) } ?? .none
        return PostgresError(.server, sqlState: state, message: message, statement: statement)
    }

    /// The connection's own error; closes it.
    private func broken(_ statement: String? = nil) -> PostgresError {
        let message = handle.map { String(cString: PQerrorMessage($0)) } ?? "out of memory"
        close()
        return PostgresError(.connection, message: message, statement: statement)
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
