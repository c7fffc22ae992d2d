extension JSONReader {
    /// Reads a string from its opening quote to its closing one.
    ///
    /// - Returns: whether the string, unescaped, is the given ASCII name.
    mutating func string(is name: StaticString) throws(RequestFault) -> Bool {
        position += 1
        var match = NameMatch(name)
        while let byte = next {
            switch byte {
            case .quote:
                position += 1
                return match.isWhole
            case .backslash: match.add(try escape())
            case 0..<0x20:
                throw .badRequest("a string holds a bare control character at byte \(position): write it as an escape")
            case 0x80...: match.add(try multibyte())
            default:
                position += 1
                match.add(UInt32(byte))
            }
        }
        throw endsInside("a string")
    }

    /// Reads an escape, and where it is the first half of a surrogate pair, the second one too.
    private mutating func escape() throws(RequestFault) -> UInt32 {
        let start = position
        position += 1
        guard let byte = next else { throw endsInside("a string") }
        position += 1
        switch byte {
        case .quote, .backslash, UInt8(ascii: "/"): return UInt32(byte)
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): break
        default: throw .badRequest("a string holds an escape that JSON does not have at byte \(start)")
        }
        let unit = try hexadecimal()
        guard (0xD800...0xDFFF).contains(unit) else { return unit }
        if unit < 0xDC00, skip(.backslash), skip(UInt8(ascii: "u")) {
            let low = try hexadecimal()
            if (0xDC00...0xDFFF).contains(low) { return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00) }
        }
        if next == nil { throw endsInside("a string") }
        throw .badRequest("a string holds half of a surrogate pair at byte \(start)")
    }

    /// Reads four hexadecimal digits.
    private mutating func hexadecimal() throws(RequestFault) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw endsInside("a string") }
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw expected("a hexadecimal digit")
            }
            position += 1
        }
        return unit
    }
}

/// Compares a string with a name while it is read, so that its text is never put together.
private struct NameMatch {
    private let name: StaticString
    private var count = 0
    private var isEqual = true

    init(_ name: StaticString) {
        self.name = name
    }

    /// Takes the string's next character.
    mutating func add(_ scalar: UInt32) {
        isEqual = isEqual && count < name.utf8CodeUnitCount && UInt32(name.utf8Start[count]) == scalar
        count += 1
    }

    /// Whether what was taken is the name.
    var isWhole: Bool { isEqual && count == name.utf8CodeUnitCount }
}
