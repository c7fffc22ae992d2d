internal import Postgres

/// The jobs in PostgreSQL: the only truth. Owned by one thread.
///
/// Every call takes a batch. As a rule it is one statement, one round trip and one transaction; `create` and `exchange` send
/// another statement where a row is locked, a race was lost or a value is refused. Concurrent batches lock rows in the order
/// of their keys, or pass over locked rows, and so cannot deadlock.
package final class JobStore {
    let database: Database
    var parameters = Parameters()
    /// Tokens under which claims may have been made, and since when their answer is missing. See `recover`.
    var unanswered: [Int64: ContinuousClock.Instant] = [:]
    /// Objects whose window was found locked. See `create`.
    var lockedWindows: Set<Int32> = []

    package init(_ database: Database) { self.database = database }

    /// Runs a statement whose first parameter names the row of `announcer`. Where it is unknown what the statement did, the
    /// row may hold a batch that nobody will announce: it is left to the reconciler.
    func executeAnnouncing(
        _ statement: Statement, _ announcer: inout AnnouncerID, _ addParameters: (inout Parameters) -> Void
    ) throws(PostgresError) -> Rows {
        func attempt() throws(PostgresError) -> Rows {
            parameters.removeAll()
            parameters.add(announcer.rawValue)
            addParameters(&parameters)
            return try database.attempt(statement, parameters)
        }
        do {
            return try attempt()
        } catch {
            announcer.renew()
            guard database.mayTryAgain(after: error) else { throw error }
        }
        do { return try attempt() } catch {
            announcer.renew()
            throw error
        }
    }
}
