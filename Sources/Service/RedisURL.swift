/// Where Redis is: `redis://[:password@]host[:port][/db]`. Printed, it shows no password.
package struct RedisURL: Sendable, Hashable {
    /// A name or an address, without the brackets of an IPv6 one.
    package let host: String
    package let port: Int
    package let password: String?
    package let database: Int

    package init(host: String, port: Int = 6379, password: String? = nil, database: Int = 0) {
        self.host = host
        self.port = port
        self.password = password
        self.database = database
    }

    /// Reads the URL. No fault repeats a piece of it: any piece may be the password, misplaced.
    package init(parsing text: String) throws(ValueFault) {
        if text.hasPrefix("rediss://") { throw ValueFault("asks for TLS, which is not supported: use redis://") }
        guard text.hasPrefix("redis://") else { throw ValueFault("must start with redis://") }
        let rest = text.dropFirst("redis://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") {
            password = try Self.password(authority[..<at])
            let address = try HostAndPort(parsing: authority[authority.index(after: at)...])
            (host, port) = (address.host, address.port ?? 6379)
        } else {
            password = nil
            let address = try HostAndPort(parsing: authority)
            (host, port) = (address.host, address.port ?? 6379)
        }
        database = try Self.database(rest[slash...].dropFirst())
    }

    private static func password(_ text: Substring) throws(ValueFault) -> String? {
        if text.isEmpty { return nil }
        guard text.first == ":" else { throw ValueFault("names a user, which is not supported: give :password@ only") }
        guard let password = PercentEncoding.decode(text.dropFirst()) else {
            throw ValueFault("has a password with a wrong percent-encoding: write % as %25")
        }
        return password.isEmpty ? nil : password
    }

    private static func database(_ text: Substring) throws(ValueFault) -> Int {
        if text.isEmpty { return 0 }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int32(text) else {
            throw ValueFault("must end with the number of a database, such as /0; in a password write / as %2F")
        }
        return Int(number)
    }
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return "redis://\(password == nil ? "" : ":***@")\(shown):\(port)/\(database)"
    }

    package var debugDescription: String { description }

    /// Reflection, which `dump` uses, sees no password either.
    package var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
