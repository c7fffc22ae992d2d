import TestSupport

/// Makes bodies: right ones with odd but allowed pieces, and wrong ones by changing bytes. The same seed makes the same.
struct JSONMutations: RandomNumberGenerator {
    private var random: SplitMix64

    private static let scalars = [
        "0", "-0", "1", "-7", "2147483647", "2147483648", "-2147483648", "1.5", "1e2", "1E+2", "0.1e-3",
        "12345678901234567",
        "true", "false", "null", #""""#, #""a""#, #""object_id""#, #""é€😀""#, #""\ud83d\ude00""#, #""\u00e9\n\/\\\"""#,
        #""\u0000""#,
    ]
    private static let names = [
        #""object_id""#, #""object_id""#, #""object\u005fid""#, #""a""#, #""""#, #""objectid""#, #""é""#,
        #""\ud83d\ude00""#,
    ]
    private static let spaces = ["", "", "", "", " ", "\n", "\t", "\r", " \r\n "]
    /// Bytes that matter to a JSON reader, put in where they don't belong.
    private static let pieces = [
        "{", "}", "[", "]", ":", ",", "\"", "\\", "'", "/", "//", "+", "-", ".", "e", "E", "0", "00", "1", "t", "true",
        "nul",
        "NaN", "\\u", "\\ud800", "\\udc00", "\\u12", "\\x", " ", "\n", "\u{0}", "\u{1}", "\u{B}", "\u{A0}", "\u{FEFF}",
        "\u{2028}", "é", "[[", "[]", "{}", "\"\"", ",,", "0x1", "1.", ".5", "1e",
    ]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func next() -> UInt64 { random.next() }

    /// A right body, or one with up to three faults.
    mutating func body() -> [UInt8] {
        var body = Array((space() + object(depth: 0) + space()).utf8)
        for _ in 0..<Int.random(in: 0...3, using: &self) { change(&body) }
        return body
    }

    private mutating func change(_ body: inout [UInt8]) {
        let at = Int.random(in: 0...body.count, using: &self)
        let end = min(body.count, at + Int.random(in: 0...3, using: &self))
        switch Int.random(in: 0..<5, using: &self) {
        case 0: body.replaceSubrange(at..<end, with: pick(Self.pieces).utf8)
        case 1: body.removeSubrange(at..<end)
        case 2: body.insert(contentsOf: body[at..<end], at: Int.random(in: 0...body.count, using: &self))
        case 3: body.insert(UInt8.random(in: .min ... .max, using: &self), at: at)
        default: if at < body.count { body[at] ^= 1 << UInt8.random(in: 0..<8, using: &self) }
        }
    }

    private mutating func object(depth: Int) -> String {
        var members = (0..<Int.random(in: 0...3, using: &self)).map { _ in
            pick(Self.names) + space() + ":" + space() + value(depth: depth + 1) + space()
        }
        // Mostly one that is asked for: else hardly a body would be accepted.
        if depth == 0, Int.random(in: 0..<4, using: &self) > 0 {
            members.append("\"object_id\":" + space() + String(Int32.random(in: .min ... .max, using: &self)))
        }
        return "{" + space() + members.joined(separator: "," + space()) + "}"
    }

    private mutating func value(depth: Int) -> String {
        if depth > 4 { return pick(Self.scalars) }
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return object(depth: depth)
        case 1:
            let values = (0..<Int.random(in: 0...3, using: &self)).map { _ in value(depth: depth + 1) + space() }
            return "[" + space() + values.joined(separator: "," + space()) + "]"
        default: return pick(Self.scalars)
        }
    }

    private mutating func space() -> String { pick(Self.spaces) }

    private mutating func pick(_ choices: [String]) -> String {
        choices.randomElement(using: &self) ?? ""
    }
}
