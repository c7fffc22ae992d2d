/// A number as it is written.
struct JSONNumber {
    /// Where it stands.
    let range: Range<Int>
    /// Whether it has neither a fraction nor an exponent.
    let isInteger: Bool
    /// Its value before the fraction, or nil where that is out of range.
    let value: Int32?
}

extension JSONReader {
    /// Reads a number.
    mutating func number() throws(RequestFault) -> JSONNumber {
        let start = position
        let isNegative = skip(.minus)
        let hasZero = next == UInt8(ascii: "0")
        let first = position
        let magnitude = try digits()
        if hasZero, position > first + 1 {
            throw .badRequest("the number at byte \(start) has a leading zero")
        }
        var isInteger = true
        if skip(.dot) {
            isInteger = false
            _ = try digits()
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isInteger = false
            if !skip(.minus) { _ = skip(UInt8(ascii: "+")) }
            _ = try digits()
        }
        let value = Int32(exactly: isNegative ? -magnitude : magnitude)
        return JSONNumber(range: start..<position, isInteger: isInteger, value: value)
    }

    /// Reads one digit or more.
    ///
    /// - Returns: their value, or a number beyond any `Int32`: it stops growing there, and so cannot overflow.
    private mutating func digits() throws(RequestFault) -> Int64 {
        let start = position
        var value: Int64 = 0
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            value = min(value * 10 + Int64(byte - UInt8(ascii: "0")), 1 << 40)
            position += 1
        }
        if position == start { throw expected("a digit") }
        return value
    }
}
