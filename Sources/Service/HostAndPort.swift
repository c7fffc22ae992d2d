internal import Glibc

/// `host:port`, `[v6]:port` or a host alone.
struct HostAndPort: Equatable {
    let host: String
    let port: Int?

    init(parsing text: Substring) throws(ValueFault) {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw ValueFault("has a '[' without its ']'") }
            let address = text[text.index(after: text.startIndex)..<end]
            guard Self.isIPv6(address) else { throw ValueFault("must have an IPv6 address between '[' and ']'") }
            host = String(address)
            port = try Self.port(text[text.index(after: end)...])
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            let name = text[..<end]
            if name.isEmpty { throw ValueFault("must name a host") }
            guard name.utf8.allSatisfy(Self.isAllowed) else { throw ValueFault("must name a valid host") }
            host = String(name)
            port = try Self.port(text[end...])
        }
    }

    /// Reads what follows the host: nothing, or a colon and a number.
    private static func port(_ text: Substring) throws(ValueFault) -> Int? {
        if text.isEmpty { return nil }
        let digits = text.dropFirst()
        guard text.first == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65535).contains(port)
        else { throw ValueFault("must have a port from 1 to 65535; an IPv6 address goes in '[' and ']'") }
        return port
    }

    private static func isIPv6(_ text: Substring) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, String(text), &address) == 1
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
