/// What went wrong, with a code to match on and words for the log. Never shown to an HTTP client.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// There is no connection, or it broke. What a statement in flight did is unknown.
        case connection
        /// The deadline passed. The connection was closed; what the statement did is unknown.
        case timeout
        /// The server refused the statement, and nothing of it took effect.
        case server
    }

    package let kind: Kind
    package let sqlState: SQLState
    package let message: String
    /// The statement's name, where there was one.
    package let statement: String?

    package static let notConnected = PostgresError(.connection, message: "not connected to PostgreSQL")

    init(_ kind: Kind, sqlState: SQLState = .none, message: String, statement: String? = nil) {
        self.kind = kind
        self.sqlState = sqlState
        self.message = message
        self.statement = statement
    }

    /// A row was locked for longer than `lock_timeout`.
    package var isLockTimeout: Bool { sqlState == .lockNotAvailable }

    /// The server takes the statement, but not a value in it.
    package var isRefusedValue: Bool {
        kind == .server && SQLState.Class.refusedValues.contains { $0 ~= sqlState }
    }

    package var description: String {
        var text = message
        while let last = text.last, last.isNewline { text.removeLast() }
        if sqlState != .none { text += " (SQLSTATE \(sqlState))" }
        if let statement { text += " in statement \(statement)" }
        return text
    }
}
