internal import Postgres

/// The jobs in PostgreSQL: the only truth. Owned by one thread.
///
/// Every call takes a batch and is one statement, one round trip and one transaction. Keys are distinct and sorted before
/// they are sent: concurrent batches then lock rows in one order, and can't deadlock.
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
