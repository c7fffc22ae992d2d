@testable import JobAPI
import Testing

@Suite("Malformed JSON")
struct JSONMalformedTests {
    @Test(
        "The fault says what is wrong, and where",
        arguments: [
            ("", "the body is empty"), (" \n\t\r ", "the body is empty but for white space"),
            ("\u{FEFF}{\"object_id\":1}", "a byte order mark is not allowed"),
            ("{", "the body ends at byte 1, where a name in double quotes is expected"),
            (#"{"object_id"#, "the body ends inside a string at byte 11"),
            (#"{"object_id":"1"#, "the body ends inside a string at byte 15"),
            (#"{"object_id":"1\"#, "the body ends inside a string at byte 16"),
            (#"{"object_id""#, "the body ends at byte 12, where a colon is expected"),
            (#"{"object_id":"#, "the body ends at byte 13, where a value is expected"),
            (#"{"object_id":1"#, "the body ends at byte 14, where a comma or '}' is expected"),
            (#"{"object_id":1,"#, "the body ends at byte 15, where a name in double quotes is expected"),
            (#"{"object_id":-"#, "the body ends at byte 14, where a digit is expected"),
            (#"{"object_id":tru"#, "the body ends inside the word true at byte 16"),
            (#"{"object_id":1,}"#, "unexpected '}' at byte 15: a name in double quotes is expected"),
            (#"{"object_id":1}x"#, "unexpected 'x' at byte 15: the end of the body is expected"),
            (#"{"object_id":1}{"object_id":1}"#, "unexpected '{' at byte 15: the end of the body is expected"),
            ("{\"object_id\":1}\0", "unexpected byte 0x00 at byte 15: the end of the body is expected"),
            (#"{'object_id':1}"#, "unexpected ''' at byte 1: JSON quotes with double quotes"),
            (#"{"object_id":1 /* x */}"#, "unexpected '/' at byte 15: JSON has no comments"),
            (#"{"object_id" 1}"#, "unexpected '1' at byte 13: a colon is expected"),
            (#"{"object_id":1 "a":2}"#, "unexpected '\"' at byte 15: a comma or '}' is expected"),
            (#"{"a":[1 2]}"#, "unexpected '2' at byte 8: a comma or ']' is expected"),
            (#"{"object_id":01}"#, "the number at byte 13 has a leading zero"),
            (#"{"object_id":-012}"#, "the number at byte 13 has a leading zero"),
            (#"{"object_id":NaN}"#, "unexpected 'N' at byte 13: a value is expected"),
            (#"{"object_id":nil}"#, "unexpected 'i' at byte 14: the word null is expected"),
            ("{\"a\":\"\n\"}", "a string holds a bare control character at byte 6: write it as an escape"),
            (#"{"a":"\x"}"#, "a string holds an escape that JSON does not have at byte 6"),
            (#"{"a":"\ud800"}"#, "a string holds half of a surrogate pair at byte 6"),
            (#"object_id=1"#, "unexpected 'o' at byte 0: a value is expected"),
            ("{\u{E9}}", "unexpected byte 0xC3 at byte 1: a name in double quotes is expected"),
        ])
    func detail(body: String, expected: String) {
        #expect(Parsed(body) == .fault(400, expected))
    }

    @Test(
        "A wrong number is no JSON",
        arguments: [
            "+1", ".5", "1.", "-", "--1", "1e", "1e+", "1E-", "1.e1", ".e1", "00", "-00", "01.5", "0x10", "0b1",
            "1_000", "NaN", "Infinity", "-Infinity", "1f", "1 2", "1-", "１", "1.2.3", "1e1.5", "1e1e1", "- 1", "1L",
        ])
    func number(text: String) {
        for body in [#"{"object_id":\#(text)}"#, #"{"a":[\#(text)],"object_id":1}"#] {
            let outcome = Parsed(body)
            #expect(outcome.status == 400 && !outcome.isJSON, "\(body)")
        }
    }

    @Test(
        "A wrong value is no JSON, wherever it stands",
        arguments: [
            "", ",", ":", "'x'", "x", "True", "nul", "nulll", "truefalse", "undefined", "[", "]", "{", "[1,]", "[,1]",
            "[1,,2]", "[1", "[1}", "{1:2}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1"#, #"{"a":1]"#,
            #"{"a" "b"}"#, #"{"a":1 "b":2}"#, "{a:1}", "[[]", "[]]", #""x"#, #"x""#, "[1]//", "[1]#", "\u{A0}1",
            "\u{2028}1", "\u{0B}1", "\u{0C}1", "<1>",
        ])
    func value(text: String) {
        for body in [#"{"a":\#(text)}"#, #"{"object_id":1,"a":[\#(text),1]}"#] {
            let outcome = Parsed(body)
            #expect(outcome.status == 400 && !outcome.isJSON, "\(body)")
        }
    }

    @Test("Every beginning of a right body is a fault, and none reads beyond its end")
    func truncated() {
        let body = Array(#" {"a":[{"b":"\ud83d\ude00é😀\n","c":[-1.5e+3,true,false,null,{}]},[]],"object_id":1}"#.utf8)
        #expect(Parsed(body) == .accepted(1))
        for count in 0..<body.count {
            let outcome = Parsed(Array(body[..<count]))
            #expect(outcome.status == 400 && !outcome.isJSON, "\(count)")
        }
    }
}
