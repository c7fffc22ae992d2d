/// A five-character SQLSTATE code, as PostgreSQL reports it with every error.
///
/// Whole classes match with `~=`:
/// ```swift
/// switch error.sqlState {
/// case .transactionRollback: retry()
/// default: throw error
/// }
/// ```
package struct SQLState: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ code: String) { description = code }

    /// No code: the error is the client's (no connection, a timeout).
    package static let none = SQLState("")
    package static let undefinedTable = SQLState("42P01")
    package static let undefinedColumn = SQLState("42703")
    package static let adminShutdown = SQLState("57P01")
    package static let uniqueViolation = SQLState("23505")

    /// The first two characters of a code: a class of errors.
    package struct Class: Sendable {
        fileprivate let prefix: String
    }

    package static func ~= (pattern: Class, value: SQLState) -> Bool { value.description.hasPrefix(pattern.prefix) }
}

extension SQLState.Class {
    package static let connectionException = SQLState.Class(prefix: "08")
    /// Deadlocks (40P01) and serialization failures (40001): the statement may simply be tried again.
    package static let transactionRollback = SQLState.Class(prefix: "40")
    /// Disk full (53100), out of memory (53200), too many connections (53300).
    package static let insufficientResources = SQLState.Class(prefix: "53")
    /// Cancelled, shut down, crashed or still starting.
    package static let operatorIntervention = SQLState.Class(prefix: "57")
}
