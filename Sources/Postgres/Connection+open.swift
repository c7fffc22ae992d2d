internal import CLibPQ
internal import Glibc

extension Connection {
    /// Opens a connection to the first host that takes one (`PQconnectStartParams`, `PQconnectPoll`).
    ///
    /// libpq would try several hosts itself, but not go on to the next when one just does not answer.
    static func open(url: String, name: String, timeout: Duration) throws(PostgresError) -> OpaquePointer {
        let common = [
            ("fallback_application_name", name), ("target_session_attrs", "read-write"), ("keepalives_idle", "5"),
            ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"), ("dbname", url),
        ]
        var failure = PostgresError.notConnected
        for host in hosts(in: url) {
            do { return try open(common + host, by: .now + timeout) } catch { failure = error }
        }
        throw failure
    }

    /// What to override in the URL to reach each of its hosts; one empty list where it names but one.
    static func hosts(in url: String) -> [[(String, String)]] {
        guard let options = PQconninfoParse(url, nil) else { return [[]] }
        defer { PQconninfoFree(options) }
        var lists: [String: [String]] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                lists[String(cString: keyword)] = String(cString: value).split(
                    separator: ",", omittingEmptySubsequences: false
                ).map(String.init)
            }
            option += 1
        }
        let count = max(lists["host"]?.count ?? 1, lists["hostaddr"]?.count ?? 1)
        guard count > 1 else { return [[]] }
        return (0..<count).map { index in
            ["host", "hostaddr", "port"].compactMap { keyword in
                // One port may stand for all hosts.
                lists[keyword].map { (keyword, $0[min(index, $0.count - 1)]) }
            }
        }
    }

    private static func open(
        _ keywords: [(String, String)], by deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> OpaquePointer {
        let started = withCStrings(keywords.map(\.0)) { names in
            withCStrings(keywords.map(\.1)) { values in PQconnectStartParams(names, values, 1) }
        }
        guard let handle = started else { throw PostgresError(.connection, message: "out of memory") }
        var status = PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_BAD && status != PGRES_POLLING_FAILED {
            if status == PGRES_POLLING_OK { return handle }
            let events = Int16(status == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            guard wait(for: events, on: handle, until: deadline) else {
                PQfinish(handle)
                throw PostgresError(.timeout, message: "no connection to PostgreSQL in time")
            }
            status = PQconnectPoll(handle)
        }
        defer { PQfinish(handle) }
        throw PostgresError(.connection, message: String(cString: PQerrorMessage(handle)))
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
