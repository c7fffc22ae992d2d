/// One record as bytes: `2026-11-23T18:19:00.123Z info job-worker[4711] claimed jobs count=10 worker="a b"`.
struct LogLine {
    /// The longest line, newline included: what one `write` to a pipe keeps whole (Linux's `PIPE_BUF`).
    static let limit = 4096

    private var bytes: [UInt8] = []

    init(time: WallTime, level: LogLevel, label: String, process: Int32 = processID, message: String) {
        bytes.reserveCapacity(256)
        bytes.append(contentsOf: "\(time) \(level.rawValue) \(label)[\(process)] ".utf8)
        for scalar in message.unicodeScalars { append(escaped: scalar) }
    }

    /// Adds metadata in logfmt: a value is quoted where a reader could not tell its end otherwise.
    mutating func append(key: String, value: String) {
        bytes.append(.space)
        for scalar in key.unicodeScalars { append(escaped: Self.isPlain(scalar) ? scalar : "_") }
        bytes.append(.equals)
        if !value.isEmpty, value.unicodeScalars.allSatisfy(Self.isPlain) {
            bytes.append(contentsOf: value.utf8)
        } else {
            bytes.append(.quote)
            for scalar in value.unicodeScalars {
                if scalar == "\"" || scalar == "\\" { bytes.append(.backslash) }
                append(escaped: scalar)
            }
            bytes.append(.quote)
        }
    }

    /// The line with its newline, cut at a character's boundary where it is longer than ``limit``.
    consuming func finished() -> [UInt8] {
        if bytes.count >= Self.limit {
            let mark = "…".utf8
            var end = Self.limit - 1 - mark.count
            while UTF8.isContinuation(bytes[end]) { end -= 1 }
            bytes.removeSubrange(end...)
            bytes.append(contentsOf: mark)
        }
        bytes.append(.newline)
        return bytes
    }

    /// Writes what could end a line, move the cursor or turn the text around as an escape: no caller forges a record.
    private mutating func append(escaped scalar: Unicode.Scalar) {
        switch scalar {
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case _ where Self.isUnsafe(scalar):
            bytes.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
        default: bytes.append(contentsOf: Unicode.UTF8.encode(scalar).map(Array.init) ?? [])
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Line and paragraph separators, and what overrides the direction of writing.
        case 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        !isUnsafe(scalar) && scalar != " " && scalar != "\"" && scalar != "=" && scalar != "\\"
    }
}

extension UInt8 {
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let equals = UInt8(ascii: "=")
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let backslash = UInt8(ascii: "\\")
    fileprivate static let newline = UInt8(ascii: "\n")
}
