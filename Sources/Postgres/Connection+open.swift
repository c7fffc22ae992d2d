internal import CLibPQ
internal import Glibc
internal import Service

extension Connection {
    /// Opens a connection to the first host that takes one.
    static func open(_ url: String, name: String, by deadline: Deadline) throws(PostgresError) -> OpaquePointer {
        let string: ConnectionString
        do { string = try ConnectionString(parsing: url) } catch {
            throw PostgresError(.connection, message: "the URL \(error.text)")
        }
        let defaults = [
            ("fallback_application_name", name), ("target_session_attrs", "read-write"), ("keepalives_idle", "5"),
            ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
        ]
        // Of a keyword that is given twice, libpq takes the last.
        let options = defaults + string.options.map { ($0.keyword, $0.value) } + [("client_encoding", "UTF8")]
        var opening = Opening(string.hosts, options: options, by: deadline)
        return try opening.run()
    }

    /// The corresponding C function is `PQconnectStartParams`.
    static func start(_ options: [(String, String)]) -> OpaquePointer? {
        let started = withCStrings(options.map(\.0)) { names in
            withCStrings(options.map(\.1)) { values in PQconnectStartParams(names, values, 0) }
        }
        // Without one, what the server has to say besides would go to the standard error as it is.
        if let started { PQsetNoticeProcessor(started, { _, _ in }, nil) }
        return started
    }

    /// Why a connection was not made, in libpq's words; nil where it did not get as far as to a server or its address, for
    /// what it says before may repeat pieces of the URL.
    static func failure(of handle: OpaquePointer) -> String? {
        let text = String(cString: PQerrorMessage(handle))
        guard text.hasPrefix("connection to server ") else { return nil }
        // A line that begins with a tab is a piece of advice.
        return text.split(separator: "\n").filter { $0.first != "\t" }.joined(separator: "; ")
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    var pointers: [UnsafePointer<CChar>?] = strings.map { UnsafePointer(strdup($0)) }
    pointers.append(nil)
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    return body(pointers)
}
