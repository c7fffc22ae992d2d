internal import CLibPQ
package import Service

extension Environment {
    /// Where PostgreSQL is, as a libpq URI. It may not be missing, and is taken for a secret: no fault repeats it.
    package mutating func databaseURL(_ name: String) -> String {
        required(name) { text throws(ValueFault) in
            try ConnectionString(parsing: text).check()
            return text
        } ?? ""
    }
}

extension ConnectionString {
    /// Has libpq look at the options that take one of a few words (`sslmode`), which it does before it looks for a server.
    /// The one it is sent to cannot be: no file can be below `/dev/null`.
    fileprivate func check() throws(ValueFault) {
        guard let handle = Connection.start(options + [("host", "/dev/null")]) else { return }
        defer { PQfinish(handle) }
        if PQstatus(handle) == CONNECTION_BAD && Connection.failure(of: handle) == nil {
            throw ValueFault("has an option with a value that libpq does not take")
        }
    }
}
