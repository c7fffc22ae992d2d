/// A prepared statement: a name, unique in the program, and its SQL with `$1` parameters.
package struct Statement: Sendable {
    package let name: String
    package let sql: String

    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}
