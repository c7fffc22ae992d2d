@testable import JobAPI
import Testing

@Suite("JSON strings")
struct JSONStringTests {
    /// A body with the bytes in a string that is ignored, and in a name.
    private func outcomes(_ bytes: [UInt8]) -> [Parsed] {
        [
            Parsed(Array(#"{"object_id":1,"a":""#.utf8) + bytes + Array(#""}"#.utf8)),
            Parsed(Array(#"{"object_id":1,""#.utf8) + bytes + Array(#"":2}"#.utf8)),
        ]
    }

    @Test(
        "What JSON allows in a string is accepted",
        arguments: [
            "", "a", "\u{7F}", "é", "€", "😀", "\u{FFFF}", "\u{10FFFF}", "\u{D7FF}\u{E000}",
            "\u{80}\u{7FF}\u{800}\u{10000}",
            "\u{2028}", "\u{FEFF}", #"\"\\\/\b\f\n\r\t"#, #"\u0000"#, #"\uFFFF\uffff\uAbCd"#, #"\ud83d\ude00"#,
            #"\uD800\uDC00\uDBFF\uDFFF"#, #"\ud7ff\ue000"#, "/", "'",
        ])
    func accepted(text: String) {
        #expect(outcomes(Array(text.utf8)).allSatisfy { $0 == .accepted(1) })
    }

    @Test(
        "Escapes that JSON does not have, and halves of surrogate pairs, are faults",
        arguments: [
            #"\a"#, #"\0"#, #"\'"#, #"\x41"#, #"\U0041"#, #"\u"#, #"\u1"#, #"\u12"#, #"\u123"#, #"\u12g4"#, #"\u+123"#,
            #"\u 123"#, #"\ud800"#, #"\udbff"#, #"\udc00"#, #"\udfff"#, #"\ud800x"#, #"\ud800\n"#, #"\ud800\u0041"#,
            #"\ud800\ud800"#, #"\ud800\ue000"#, #"\udc00\ud800"#, #"\ud83d \ude00"#, #"\ud83d\ude0"#, #"\ud83d\\ude00"#,
            #"\ud83d\ude00\ude00"#, "\\", "\\\n",
        ])
    func escapes(text: String) {
        for outcome in outcomes(Array(text.utf8)) { #expect(outcome.status == 400 && !outcome.isJSON) }
    }

    @Test("No control character stands in a string as it is", arguments: UInt8(0)..<0x20)
    func control(byte: UInt8) {
        for outcome in outcomes([0x61, byte, 0x62]) {
            #expect(outcome.status == 400)
            #expect(outcome.description.contains("control character"))
        }
    }

    @Test(
        "What is not UTF-8 is a fault",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xC2, 0xC2], [0xE0, 0x80, 0x80],
            [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x82, 0x41], [0xE2, 0x41, 0x82], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF0, 0x9F, 0x98, 0x41], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xC3, 0x28], [0x61, 0xC3], [0xC3, 0xA9, 0xA9],
        ] as [[UInt8]])
    func encoding(bytes: [UInt8]) {
        for outcome in outcomes(bytes) { #expect(outcome.description.contains("not valid UTF-8")) }
    }

    @Test("Of two bytes, exactly those are accepted that Swift takes for UTF-8 too", arguments: UInt8(0x80)...0xFF)
    func pairs(first: UInt8) {
        for second in UInt8.min...UInt8.max where second >= 0x20 && second != 0x22 && second != 0x5C {
            let isValid = String(validating: [first, second], as: UTF8.self) != nil
            #expect(outcomes([first, second]).allSatisfy { ($0 == .accepted(1)) == isValid }, "\(first) \(second)")
        }
    }
}
