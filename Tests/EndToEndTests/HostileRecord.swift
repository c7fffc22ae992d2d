/// A FastCGI record, right or wrong.
struct HostileRecord {
    enum Kind {
        static let (begin, abort, end, parameters, input, output) = (
            UInt8(1), UInt8(2), UInt8(3), UInt8(4), UInt8(5), UInt8(6)
        )
        static let (getValues, unknown) = (UInt8(9), UInt8(77))
    }

    let bytes: [UInt8]

    /// Padded to eight bytes, as nginx does it.
    init(_ kind: UInt8, _ content: [UInt8] = [], request: UInt8 = 1, version: UInt8 = 1) {
        let padding = -content.count & 7
        bytes =
            [version, kind, 0, request, UInt8(content.count >> 8), UInt8(content.count & 0xFF), UInt8(padding), 0]
            + content + Array(repeating: 0, count: padding)
    }

    /// `FCGI_BEGIN_REQUEST` for a connection that is to be kept.
    static func begin(role: UInt8 = 1, request: UInt8 = 1) -> [UInt8] {
        HostileRecord(Kind.begin, [0, role, 1, 0, 0, 0, 0, 0], request: request).bytes
    }

    static func parameters(_ pairs: [(String, String)]) -> [UInt8] {
        HostileRecord(Kind.parameters, pairs.flatMap { length($0.0) + length($0.1) + Array("\($0.0)\($0.1)".utf8) })
            .bytes
    }

    /// A stream of any length, in as many records as it takes, with its end.
    static func stream(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        let pieces = stride(from: 0, to: content.count, by: 65528).map { content[$0..<min($0 + 65528, content.count)] }
        return pieces.flatMap { HostileRecord(kind, Array($0)).bytes } + HostileRecord(kind).bytes
    }

    /// A whole request, but that its body may be another one than it announces.
    static func request(
        _ method: String, _ path: String, length: String = "", body: [UInt8] = [], more: [(String, String)] = []
    ) -> [UInt8] {
        let pairs = [
            ("REQUEST_METHOD", method), ("DOCUMENT_URI", path), ("CONTENT_TYPE", "application/json"),
            ("CONTENT_LENGTH", length),
        ]
        return begin() + parameters(pairs + more) + HostileRecord(Kind.parameters).bytes + stream(Kind.input, body)
    }

    static func post(_ body: String, length: String? = nil, more: [(String, String)] = []) -> [UInt8] {
        request("POST", "/v1/jobs", length: length ?? "\(body.utf8.count)", body: Array(body.utf8), more: more)
    }

    static func length(_ text: String) -> [UInt8] {
        let count = text.utf8.count
        return count < 128 ? [UInt8(count)] : withUnsafeBytes(of: UInt32(count | 1 << 31).bigEndian, Array.init)
    }
}

/// What a responder sent, record by record.
struct HostileAnswer {
    /// Of each response, by its `Status` header.
    private(set) var statuses: [Int] = []

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var output: [UInt8] = []
        while rest.count >= 8 {
            let header = Array(rest.prefix(8))
            let count = Int(header[4]) << 8 | Int(header[5])
            if header[1] == HostileRecord.Kind.output { output += rest.dropFirst(8).prefix(count) }
            rest = rest.dropFirst(8 + count + Int(header[6]))
        }
        statuses = String(decoding: output, as: UTF8.self).matches(of: /Status: (\d{3})/).compactMap { Int($0.1) }
    }
}
