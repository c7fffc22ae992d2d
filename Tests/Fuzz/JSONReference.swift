/// JSON as RFC 8259 has it, slowly and word for word: what the service's reader is compared with.
enum JSONReference {
    enum Outcome: Equatable {
        case accepted(Int32)
        /// With this HTTP status.
        case refused(Int, isJSON: Bool)
    }

    /// What is to become of the body of a `POST`.
    static func createRequest(_ body: [UInt8]) -> Outcome {
        guard let value = value(body) else { return .refused(400, isJSON: false) }
        guard case .object(let members) = value,
            let objectID = members.last(where: { $0.name == Array("object_id".unicodeScalars) })?.value,
            case .number(let digits) = objectID, !digits.contains(where: { ".eE".unicodeScalars.contains($0) })
        else { return .refused(400, isJSON: true) }
        return Int32(String(String.UnicodeScalarView(digits))).map { .accepted($0) } ?? .refused(422, isJSON: true)
    }

    /// The text of a JSON string, or nil where the bytes are none.
    static func string(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
        if case .string(let text) = value(bytes) { text } else { nil }
    }

    private static func value(_ bytes: [UInt8]) -> JSONTree? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var parser = JSONParser(rest: Array(text.unicodeScalars)[...])
        return try? parser.text()
    }
}

private indirect enum JSONTree {
    case object([(name: [Unicode.Scalar], value: JSONTree)])
    case array([JSONTree])
    case string([Unicode.Scalar])
    case number([Unicode.Scalar])
    case word
}

private struct NoJSON: Error {}

private struct JSONParser {
    var rest: ArraySlice<Unicode.Scalar>

    /// `JSON-text = ws value ws`
    mutating func text() throws(NoJSON) -> JSONTree {
        let value = try value(depth: 1)
        guard rest.isEmpty else { throw NoJSON() }
        return value
    }

    private mutating func value(depth: Int) throws(NoJSON) -> JSONTree {
        space()
        defer { space() }
        if take("\"") { return .string(try string()) }
        if take("true") || take("false") || take("null") { return .word }
        let isObject = rest.first == "{"
        guard take("{") || take("[") else { return try number() }
        // The service's own limit, which the RFC allows for.
        guard depth <= 64 else { throw NoJSON() }
        return isObject ? .object(try members(depth: depth)) : .array(try elements(depth: depth))
    }

    private mutating func members(depth: Int) throws(NoJSON) -> [(name: [Unicode.Scalar], value: JSONTree)] {
        var members: [(name: [Unicode.Scalar], value: JSONTree)] = []
        space()
        if take("}") { return [] }
        repeat {
            space()
            try expect("\"")
            let name = try string()
            space()
            try expect(":")
            members.append((name, try value(depth: depth + 1)))
        } while take(",")
        try expect("}")
        return members
    }

    private mutating func elements(depth: Int) throws(NoJSON) -> [JSONTree] {
        var elements: [JSONTree] = []
        space()
        if take("]") { return [] }
        repeat { elements.append(try value(depth: depth + 1)) } while take(",")
        try expect("]")
        return elements
    }

    /// `number = [ minus ] int [ frac ] [ exp ]`
    private mutating func number() throws(NoJSON) -> JSONTree {
        // None of these may follow a number, so all of them belong to it.
        let text = rest.prefix { "+-.eE0123456789".unicodeScalars.contains($0) }
        rest = rest.dropFirst(text.count)
        let unsigned = text.first == "-" ? text.dropFirst() : text
        let halves = unsigned.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let parts = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard isDigits(parts[0]), parts[0].count == 1 || parts[0].first != "0" else { throw NoJSON() }
        if parts.count > 1, !isDigits(parts[1]) { throw NoJSON() }
        if halves.count > 1 {
            let exponent = halves[1].first == "+" || halves[1].first == "-" ? halves[1].dropFirst() : halves[1]
            guard isDigits(exponent) else { throw NoJSON() }
        }
        return .number(Array(text))
    }

    /// What stands behind the opening quote, up to and with the closing one.
    private mutating func string() throws(NoJSON) -> [Unicode.Scalar] {
        var text: [Unicode.Scalar] = []
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return text
            case "\\": text.append(try escape())
            case "\0"..."\u{1F}": throw NoJSON()
            default: text.append(scalar)
            }
        }
        throw NoJSON()
    }

    private mutating func escape() throws(NoJSON) -> Unicode.Scalar {
        let letters: [(Unicode.Scalar, Unicode.Scalar)] = [
            ("\"", "\""), ("\\", "\\"), ("/", "/"), ("b", "\u{8}"), ("f", "\u{C}"), ("n", "\n"), ("r", "\r"),
            ("t", "\t"),
        ]
        guard let letter = rest.popFirst() else { throw NoJSON() }
        if let known = letters.first(where: { $0.0 == letter }) { return known.1 }
        guard letter == "u" else { throw NoJSON() }
        var units = [try unit()]
        if UTF16.isLeadSurrogate(units[0]), take("\\u") { units.append(try unit()) }
        guard let text = String(validating: units, as: UTF16.self)?.unicodeScalars, text.count == 1,
            let only = text.first
        else { throw NoJSON() }
        return only
    }

    private mutating func unit() throws(NoJSON) -> UInt16 {
        let digits = rest.prefix(4)
        guard digits.count == 4, digits.allSatisfy(\.properties.isASCIIHexDigit) else { throw NoJSON() }
        rest = rest.dropFirst(4)
        return UInt16(String(String.UnicodeScalarView(digits)), radix: 16) ?? 0
    }

    private func isDigits(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        !text.isEmpty && text.allSatisfy { ("0"..."9").contains($0) }
    }

    private mutating func space() {
        while take(" ") || take("\t") || take("\n") || take("\r") {}
    }

    private mutating func expect(_ text: String) throws(NoJSON) {
        guard take(text) else { throw NoJSON() }
    }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest = rest.dropFirst(text.unicodeScalars.count)
        return true
    }
}
