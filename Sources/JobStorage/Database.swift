internal import Glibc
package import Postgres

/// The connection of one thread to PostgreSQL, made when it is first needed and made again when it broke.
package final class Database {
    /// How long after a failed connection, or a statement without an answer, to fail at once, without trying again.
    static let reconnectPause: Duration = .milliseconds(250)
    private static let lookPause: Duration = .milliseconds(100)
    /// A statement that was under way for longer when its connection broke is not said again: with a second try of `timeout`
    /// a request would wait for longer than nginx does, which is 4.5 s.
    static let repeatLimit: Duration = .milliseconds(400)

    private let url: String
    private let name: String
    private let connectTimeout: Duration
    private let timeout: Duration
    private let lockTimeout: Duration?
    /// Rises with each connection that is made, and with one that is found closed: the server behind it may then be another
    /// one, with other rows.
    package private(set) var generation = 0
    /// When the connection was made.
    package private(set) var connectedAt = ContinuousClock.now
    private var connection: Connection?
    private var retryAt = ContinuousClock.now
    private var began = ContinuousClock.now
    private var lookAt = ContinuousClock.now
    private var lastFailure = PostgresError.notConnected
    private var renewAt = ContinuousClock.now
    /// Whether the statement that failed last did so for its session, and there is a new one.
    private var isRenewed = false

    /// - Parameters:
    ///   - url: a libpq URI.
    ///   - name: how the connection shows in `pg_stat_activity`.
    ///   - timeout: the longest a statement may take.
    ///   - lockTimeout: the longest a statement may wait for one lock; by default nearly half of `timeout`.
    package init(
        url: String, name: String, connectTimeout: Duration = .seconds(1), timeout: Duration = .seconds(3),
        lockTimeout: Duration? = nil
    ) {
        self.url = url
        self.name = name
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.lockTimeout = lockTimeout
    }

    /// Runs a statement, and once more where that may help, although the first may have taken effect: every statement that
    /// comes this way may be said twice.
    package func execute(_ statement: Statement, _ parameters: borrowing Parameters) throws(PostgresError) -> Rows {
        do {
            return try attempt(statement, parameters)
        } catch {
            guard mayTryAgain(after: error) else { throw error }
            return try attempt(statement, parameters)
        }
    }

    func attempt(_ statement: Statement, _ parameters: borrowing Parameters) throws(PostgresError) -> Rows {
        isRenewed = false
        began = .now
        let connection = try connect()
        do { return try connection.execute(statement, parameters) } catch {
            if Database.sessionFaults.contains(error.sqlState) { renew() }
            // Who has waited meanwhile is not to wait for as long again.
            if error.kind == .timeout { failFast(error) }
            throw error
        }
    }

    /// True after a deadlock, and soon after a connection that was there broke or was replaced; not where there is none to
    /// be had.
    func mayTryAgain(after error: PostgresError) -> Bool {
        switch error.sqlState {
        case .transactionRollback: true
        default:
            isRenewed || (error.kind == .connection && .now >= retryAt && .now - began <= Database.repeatLimit)
        }
    }

    /// Looks whether the server has closed the connection, at most once in `lookPause`: for whoever answers from memory, and
    /// would not notice it by a statement.
    package func lookAtConnection(now: ContinuousClock.Instant = .now) {
        guard now >= lookAt else { return }
        lookAt = now + Database.lookPause
        guard let connection, connection.isClosedByServer else { return }
        self.connection = nil
        generation += 1
    }

    /// Says farewell to the server; the next statement connects again.
    package func close() { connection = nil }

    private func connect() throws(PostgresError) -> Connection {
        if let connection, connection.isOpen { return connection }
        connection = nil
        guard ContinuousClock.now >= retryAt else { throw lastFailure }
        do {
            return try make()
        } catch {
            failFast(error)
            throw error
        }
    }

    private func failFast(_ error: PostgresError) {
        retryAt = .now + Database.reconnectPause
        lastFailure = error
    }

    private func make() throws(PostgresError) -> Connection {
        let made = try Connection(
            url: url, name: name, connectTimeout: connectTimeout, timeout: timeout, lockTimeout: lockTimeout)
        connection = made
        generation += 1
        connectedAt = .now
        return made
    }

    /// What another session may not suffer from: the server behind this one was demoted, or what it prepared is out of date.
    private static let sessionFaults: Set = [SQLState.readOnly, .unknownStatement, .unsupported]

    /// Makes the connection anew, once a pause at most. Where that fails the old one stays, which may still read.
    private func renew() {
        guard .now >= renewAt else { return }
        isRenewed = (try? make()) != nil
        renewAt = .now + Database.reconnectPause
    }
}
