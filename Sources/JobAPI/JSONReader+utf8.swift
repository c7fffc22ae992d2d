extension JSONReader {
    /// Reads a character of two to four bytes.
    ///
    /// What may follow a first byte is table 3-7 of the Unicode standard: it leaves out overlong forms, surrogates and
    /// what lies beyond U+10FFFF.
    mutating func multibyte() throws(RequestFault) -> UInt32 {
        let start = position
        guard let first = next else { throw endsInside("a string") }
        let second: ClosedRange<UInt8>
        switch first {
        case 0xE0: second = 0xA0...0xBF
        case 0xED: second = 0x80...0x9F
        case 0xF0: second = 0x90...0xBF
        case 0xF4: second = 0x80...0x8F
        case 0xC2...0xF4: second = 0x80...0xBF
        default: throw notUTF8(start)
        }
        let count = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3
        var scalar = UInt32(first) & (0x3F >> UInt32(count))
        position += 1
        for index in 0..<count {
            guard let byte = next, (index == 0 ? second : 0x80...0xBF).contains(byte) else { throw notUTF8(start) }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
            position += 1
        }
        return scalar
    }

    private func notUTF8(_ start: Int) -> RequestFault { .badRequest("the body is not valid UTF-8 at byte \(start)") }
}
