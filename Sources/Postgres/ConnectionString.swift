internal import CLibPQ
internal import Service

/// What a libpq URI or connection string says, its hosts apart from the rest. No fault of it repeats a piece of the text:
/// any piece may be the password, misplaced.
struct ConnectionString {
    /// A host as it was written, or the address that was given for it; neither where libpq is to use its default.
    struct Host: Hashable {
        var name: String?
        var address: String?
        var port: String?

        /// In the words that libpq uses.
        func failure(_ reason: String) -> String {
            var place = ""
            if let host = name ?? address { place += " at \"\(host)\"" }
            if name != nil, let address { place += " (\(address))" }
            if let port { place += ", port \(port)" }
            return "connection to server\(place) failed: \(reason)"
        }
    }

    let hosts: [Host]
    /// All other keywords and their values.
    let options: [(keyword: String, value: String)]

    init(parsing text: String) throws(ValueFault) {
        try ConnectionString.checkPassword(in: text)
        var values = try ConnectionString.values(in: text)
        for keyword in ConnectionString.numbers {
            guard let value = values[keyword], Int32(value) == nil else { continue }
            throw ValueFault("must give a whole number as \(keyword)")
        }
        hosts = try ConnectionString.hosts(
            names: values.removeValue(forKey: "host"), addresses: values.removeValue(forKey: "hostaddr"),
            ports: values.removeValue(forKey: "port"))
        options = values.map { ($0.key, $0.value) }
    }

    /// These libpq reads only once it has a socket, and then repeats what it could not read.
    private static let numbers = [
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    ]

    /// In a URI, libpq takes a password to end at the first `@`, and where there is a `/` before it, finds none at all: the
    /// rest is read as a host, a port or a database. None of them holds an `@`.
    private static func checkPassword(in text: String) throws(ValueFault) {
        guard let scheme = ["postgresql://", "postgres://"].first(where: text.hasPrefix) else { return }
        let rest = text.dropFirst(scheme.count).prefix { $0 != "?" }
        guard let end = rest.firstIndex(where: { $0 == "@" || $0 == "/" }) else { return }
        let address = rest[end] == "@" ? rest[rest.index(after: end)...] : rest
        if address.contains("@") { throw ValueFault(encoding("has an @ behind its host")) }
    }

    private static func encoding(_ fault: String) -> String {
        "\(fault): in a user, a password or a database write % as %25, / as %2F, : as %3A and @ as %40"
    }

    private static func values(in text: String) throws(ValueFault) -> [String: String] {
        guard let list = PQconninfoParse(text, nil) else {
            throw ValueFault(encoding("must be a libpq URI such as postgresql://user:password@host:5432/database"))
        }
        defer { PQconninfoFree(list) }
        var values: [String: String] = [:]
        var option = list
        while let keyword = option.pointee.keyword {
            // An empty value is none, to libpq too.
            if let value = option.pointee.val, value.pointee != 0 {
                values[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        return values
    }

    /// One port may stand for all hosts; one that is empty is the default.
    private static func hosts(names: String?, addresses: String?, ports: String?) throws(ValueFault) -> [Host] {
        let (names, addresses, ports) = (list(names), list(addresses), list(ports))
        let count = max(names.count, addresses.count, 1)
        for list in [names, addresses] where !list.isEmpty && list.count != count {
            throw ValueFault("must have as many in hostaddr as in host")
        }
        guard ports.count <= 1 || ports.count == count else {
            throw ValueFault("must have one port, or one for each host")
        }
        for name in names + addresses where name.contains(where: { $0 == "@" || $0.isWhitespace }) {
            throw ValueFault(encoding("has an @ or white space in a host"))
        }
        for port in ports where !port.isEmpty {
            guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
                (1...65535).contains(number)
            else { throw ValueFault(encoding("must have ports from 1 to 65535")) }
        }
        return (0..<count).map { index in
            func entry(_ list: [String]) -> String? {
                index < list.count && !list[index].isEmpty ? list[index] : nil
            }
            let port = ports.count == 1 ? ports[0] : entry(ports)
            return Host(name: entry(names), address: entry(addresses), port: ports.isEmpty ? nil : port ?? "5432")
        }
    }

    private static func list(_ text: String?) -> [String] {
        text?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
    }
}
