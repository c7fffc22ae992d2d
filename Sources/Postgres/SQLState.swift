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

    /// The first two characters of a code: a class of errors.
    package struct Class: Sendable {
        fileprivate let prefix: String
    }

    package static func ~= (pattern: Class, value: SQLState) -> Bool { value.description.hasPrefix(pattern.prefix) }
}

extension SQLState.Class {
    /// Deadlocks (40P01) and serialization failures (40001): the statement may simply be tried again.
    package static let transactionRollback = SQLState.Class(prefix: "40")
    /// A lock was not to be had within `lock_timeout`.
    package static let lockNotAvailable = SQLState.Class(prefix: "55P03")
    /// A value that the server does not take: wrong data (22), a constraint (23, 44), a trigger that objects (09, 27, P0).
    package static let refusedValues = ["22", "23", "44", "09", "27", "P0"].map(SQLState.Class.init)
}
