/// A response of nginx, cut out of what it sent.
struct HostileResponse {
    let status: Int
    private let text: String

    /// All that stand in the bytes: a response begins wherever its first line does, which no body of the service holds.
    static func all(_ bytes: [UInt8]) -> [HostileResponse] {
        let text = String(decoding: bytes, as: UTF8.self)
        let beginnings = text.ranges(of: #/HTTP/1\.1 \d{3} /#).map(\.lowerBound)
        return zip(beginnings, beginnings.dropFirst() + [text.endIndex]).map { start, end in
            HostileResponse(status: Int(text[start...].dropFirst(9).prefix(3)) ?? 0, text: String(text[start..<end]))
        }
    }

    /// What is wrong with it, or nil.
    var fault: String? {
        // What nginx itself refuses: a transfer encoding, a version of HTTP.
        if status >= 500 && status != 501 && status != 505 { return text }
        if status >= 400 && !text.contains("\r\nContent-Type: application/problem+json\r\n") { return text }
        return text.lowercased().contains("<html") ? text : nil
    }
}
