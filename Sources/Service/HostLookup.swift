internal import Glibc

/// What a name service said of one host name.
package enum HostLookup: Sendable, Hashable {
    /// Its addresses as text, the best one first; never empty.
    case found([String])
    /// Nobody could say now.
    case unknown(String)
    /// There is no such host.
    case missing(String)

    /// Asks the system's name service, for as long as that takes. The corresponding C function is `getaddrinfo`.
    package init(asking name: String) { self.init(name, flags: 0) }

    /// The address that the text itself is, such as `10.0.0.1` or `fe80::1%eth0`; nil for a name. Nobody is asked.
    static func literal(_ text: String) -> [String]? {
        guard case .found(let addresses) = HostLookup(text, flags: AI_NUMERICHOST) else { return nil }
        return addresses
    }

    private init(_ name: String, flags: Int32) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            let text = String(cString: gai_strerror(code))
            // The rest is a shortage, or a name server that fails or is silent.
            self = [EAI_NONAME, HostLookup.noData].contains(code) ? .missing(text) : .unknown(text)
            return
        }
        var addresses: [String] = []
        var entry = list
        while let found = entry?.pointee {
            if let text = HostLookup.text(found), !addresses.contains(text) { addresses.append(text) }
            entry = found.ai_next
        }
        self = addresses.isEmpty ? .missing("it has no address") : .found(addresses)
    }

    /// `EAI_NODATA`, which Glibc's module leaves out.
    private static let noData: Int32 = -5

    private static func text(_ entry: addrinfo) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        return code == 0 ? buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } : nil
    }
}
