/// Reads JSON as RFC 8259 has it, and nothing beside: no comments, no byte order mark, no trailing commas.
///
/// It works on the bytes where they lie and allocates nothing until it finds a fault. Each method reads one piece that
/// begins at ``position``, and leaves that behind the piece.
struct JSONReader {
    /// The most objects and arrays within each other, the outermost included.
    static let depthLimit = 64

    let bytes: UnsafeRawBufferPointer
    /// The offset of the next byte.
    var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next byte, or nil at the end. Every read goes through here: it keeps the reader within its bytes.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Skips what JSON calls white space.
    mutating func whitespace() {
        while let byte = next, byte == .space || byte == .newline || byte == .return || byte == .tab { position += 1 }
    }

    /// Skips a byte where it is the next one.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    /// Reads a member's name, its colon, and the white space around both.
    ///
    /// - Returns: whether the name, unescaped, is the given one.
    mutating func name(is name: StaticString) throws(RequestFault) -> Bool {
        whitespace()
        guard next == .quote else { throw expected("a name in double quotes") }
        let isEqual = try string(is: name)
        whitespace()
        guard skip(.colon) else { throw expected("a colon") }
        whitespace()
        return isEqual
    }

    /// Expects that nothing follows but white space.
    mutating func end() throws(RequestFault) {
        whitespace()
        if position < bytes.count { throw expected("the end of the body") }
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let `return` = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let quote = UInt8(ascii: "\"")
    static let comma = UInt8(ascii: ",")
    static let minus = UInt8(ascii: "-")
    static let dot = UInt8(ascii: ".")
    static let colon = UInt8(ascii: ":")
    static let openBracket = UInt8(ascii: "[")
    static let backslash = UInt8(ascii: "\\")
    static let closeBracket = UInt8(ascii: "]")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
}
