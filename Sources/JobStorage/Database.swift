internal import Glibc
package import Postgres

/// The connection of one thread to PostgreSQL, made when it is first needed and made again when it broke.
package final class Database {
    /// How long after a failed connection to say so at once, without trying again.
    static let reconnectPause: Duration = .milliseconds(250)

    private let url: String
    private let name: String
    private let connectTimeout: Duration
    private let timeout: Duration
    private var connection: Connection?
    /// How many connections were made so far.
    package private(set) var generation = 0
    private var retryAt = ContinuousClock.now
    private var lastFailure = PostgresError.notConnected

    /// - Parameters:
    ///   - url: a libpq URI.
    ///   - name: how the connection shows in `pg_stat_activity`.
    ///   - timeout: the longest a statement may take.
    package init(
        url: String, name: String, connectTimeout: Duration = .seconds(1), timeout: Duration = .seconds(3)
    ) {
        self.url = url
        self.name = name
        self.connectTimeout = connectTimeout
        self.timeout = timeout
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
        try connect().execute(statement, parameters)
    }

    /// True after a deadlock, and after a connection that was there broke; not where there is none to be had.
    func mayTryAgain(after error: PostgresError) -> Bool {
        switch error.sqlState {
        case .transactionRollback: true
        default: error.kind == .connection && .now >= retryAt
        }
    }

    /// Says farewell to the server; the next statement connects again.
    package func close() { connection = nil }

    private func connect() throws(PostgresError) -> Connection {
        if let connection, connection.isOpen { return connection }
        connection = nil
        guard ContinuousClock.now >= retryAt else { throw lastFailure }
        do {
            let made = try Connection(url: url, name: name, connectTimeout: connectTimeout, timeout: timeout)
            connection = made
            generation += 1
            return made
        } catch {
            retryAt = .now + Database.reconnectPause
            lastFailure = error
            throw error
        }
    }
}
