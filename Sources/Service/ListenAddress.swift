/// Where a server listens: a unix socket's path, or a host and a port.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case path(String)
    case network(host: String, port: Int)

    /// The longest path that a `sockaddr_un` holds with the NUL at its end.
    package static let pathLimit = 107

    /// Reads a path that starts with `/` or `.`, or `host:port`, or `[v6]:port`.
    package init(parsing text: String) throws(ValueFault) {
        if text.hasPrefix("/") || text.hasPrefix(".") {
            if text.utf8.count > Self.pathLimit {
                throw ValueFault("is a path of \(text.utf8.count) bytes, and a socket's has at most \(Self.pathLimit)")
            }
            self = .path(text)
        } else {
            let address = try HostAndPort(parsing: text[...])
            guard let port = address.port else {
                throw ValueFault("must be a path that starts with '/' or '.', or host:port")
            }
            self = .network(host: address.host, port: port)
        }
    }

    package var description: String {
        switch self {
        case .path(let path): path
        case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
