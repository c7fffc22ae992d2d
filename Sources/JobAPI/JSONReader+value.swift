/// A value as far as anyone here wants to know it.
enum JSONValue {
    case null, boolean, string, array, object
    case number(JSONNumber)

    /// With its article, for a sentence.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .number: "a number"
        }
    }
}

extension JSONReader {
    /// Reads a value with all that is in it.
    ///
    /// - Parameter depth: how many objects and arrays it stands in.
    mutating func value(depth: Int) throws(RequestFault) -> JSONValue {
        switch next {
        case .openBrace:
            try container(depth: depth)
            return .object
        case .openBracket:
            try container(depth: depth)
            return .array
        default: return try scalar()
        }
    }

    /// Reads an object or an array. It does not call itself: no body, however deep, uses up the stack.
    private mutating func container(depth outer: Int) throws(RequestFault) {
        var open = Nesting(depth: outer)
        repeat {
            // Here a value begins.
            if next == .openBrace || next == .openBracket {
                if try enter(&open) { continue }
            } else {
                _ = try scalar()
            }
            // Here it has ended, and with it perhaps what it stands in.
            try leave(&open)
        } while open.depth > outer
    }

    /// Reads the start of an object or an array.
    ///
    /// - Returns: whether a value begins next; otherwise it is empty, and closed again.
    private mutating func enter(_ open: inout Nesting) throws(RequestFault) -> Bool {
        if open.depth >= Self.depthLimit {
            throw .badRequest("nesting deeper than \(Self.depthLimit) at byte \(position)")
        }
        let isObject = next == .openBrace
        position += 1
        open.push(isObject: isObject)
        whitespace()
        if skip(isObject ? .closeBrace : .closeBracket) {
            open.pop()
            return false
        }
        if isObject { _ = try name(is: "") }
        return true
    }

    /// Reads closing brackets, up to the comma that another value follows.
    private mutating func leave(_ open: inout Nesting) throws(RequestFault) {
        while open.depth > open.outer {
            whitespace()
            if skip(.comma) {
                whitespace()
                if open.isObject { _ = try name(is: "") }
                return
            }
            guard skip(open.isObject ? .closeBrace : .closeBracket) else {
                throw expected(open.isObject ? "a comma or '}'" : "a comma or ']'")
            }
            open.pop()
        }
    }

    private mutating func scalar() throws(RequestFault) -> JSONValue {
        guard let byte = next else { throw expected("a value") }
        switch byte {
        case .quote:
            _ = try string(is: "")
            return .string
        case .minus, UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"):
            try word("true")
            return .boolean
        case UInt8(ascii: "f"):
            try word("false")
            return .boolean
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: throw expected("a value")
        }
    }

    private mutating func word(_ word: StaticString) throws(RequestFault) {
        for index in 0..<word.utf8CodeUnitCount {
            if next == nil { throw endsInside("the word \(word)") }
            guard skip(word.utf8Start[index]) else { throw expected("the word \(word)") }
        }
    }
}
