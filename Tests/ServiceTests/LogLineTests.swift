@testable import Service
import Testing

@Suite("LogLine")
struct LogLineTests {
    private func line(_ message: String, _ metadata: KeyValuePairs<String, String> = [:]) -> String {
        var line = LogLine(
            time: WallTime(seconds: 0, milliseconds: 7), level: .error, label: "t", process: 42, message: message)
        for (key, value) in metadata { line.append(key: key, value: value) }
        return String(decoding: line.finished(), as: UTF8.self)
    }

    private let head = "1970-01-01T00:00:00.007Z error t[42] "

    @Test(
        "A value is quoted where its end could be mistaken",
        arguments: [
            ("plain", "plain"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""),
            ("a\\b", "\"a\\\\b\""), ("größe…😀", "größe…😀"), ("10.5", "10.5"), ("[::1]:80", "[::1]:80"),
        ])
    func quoted(value: String, expected: String) {
        #expect(line("m", ["k": value]) == "\(head)m k=\(expected)\n")
    }

    @Test(
        "Nothing that could end a line or move the cursor is written as it is",
        arguments: [
            ("\n", "\\n"), ("\r", "\\r"), ("\r\n", "\\r\\n"), ("\t", "\\t"), ("\0", "\\u{0}"),
            ("\u{1B}[2J", "\\u{1b}[2J"),
            ("\u{7F}", "\\u{7f}"), ("\u{85}", "\\u{85}"), ("\u{9B}", "\\u{9b}"), ("\u{2028}", "\\u{2028}"),
            ("\u{202E}", "\\u{202e}"),
        ])
    func escaped(text: String, expected: String) {
        #expect(line("a\(text)b", ["k": text]) == "\(head)a\(expected)b k=\"\(expected)\"\n")
    }

    @Test("A key cannot forge another pair")
    func key() {
        #expect(line("m", ["a b=c\n\"": "1"]) == "\(head)m a_b_c__=1\n")
    }

    @Test("A long line is cut at a character's boundary, to what one write keeps whole", arguments: 0..<8)
    func cut(shift: Int) {
        let cut = line(String(repeating: "x", count: shift) + String(repeating: "😀é", count: 2000))
        #expect(cut.utf8.count <= 4096 && cut.utf8.count > 4096 - 8)
        #expect(cut.hasSuffix("…\n"))
        #expect(!cut.contains("\u{FFFD}"))
    }

    @Test("A line of just the limit is not cut", arguments: [(0, false), (1, true)])
    func limit(over: Int, isCut: Bool) {
        let written = line(String(repeating: "x", count: LogLine.limit - head.utf8.count - 1 + over))
        #expect(written.utf8.count <= LogLine.limit)
        #expect(written.contains("…") == isCut)
    }

    @Test(
        "Times are RFC 3339 in UTC",
        arguments: [
            (1_795_457_940, 123, "2026-11-23T18:19:00.123Z"), (951_782_399, 0, "2000-02-28T23:59:59.000Z"),
            (951_782_400, 999, "2000-02-29T00:00:00.999Z"), (0, 0, "1970-01-01T00:00:00.000Z"),
        ])
    func time(seconds: Int, milliseconds: Int, expected: String) {
        #expect(WallTime(seconds: seconds, milliseconds: milliseconds).description == expected)
    }
}
