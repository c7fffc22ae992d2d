@testable import JobAPI
import Testing

@Suite("CreateRequest")
struct JSONCreateRequestTests {
    @Test(
        "An object with an integer object_id is accepted",
        arguments: [
            (#"{"object_id":1}"#, 1), (#"{"object_id": 1}"#, 1), (" \t\r\n{ \n\"object_id\"\t:\r1 } \n", 1),
            (#"{"object_id":0}"#, 0), (#"{"object_id":-0}"#, 0), (#"{"object_id":-1}"#, -1),
            (#"{"object_id":2147483647}"#, .max), (#"{"object_id":-2147483648}"#, .min),
            (#"{"a":null,"object_id":2,"b":[1,{"object_id":"x"}]}"#, 2),
            (#"{"object_id":{"object_id":1},"object_id":3}"#, 3), (#"{"object_id":"x","object_id":4}"#, 4),
            (#"{"object_id":99999999999,"object_id":5}"#, 5), (#"{"object_id":1,"object_id":6}"#, 6),
            (#"{"object\u005fid":7}"#, 7), (#"{"object\u005Fid":7}"#, 7), (#"{"object_id":1,"\u006fbject_id":8}"#, 8),
            (#"{"object_id":9,"object_id2":1,"object_i":2,"object_ID":3,"":4," object_id":5}"#, 9),
            (#"{"object_id":9,"object\u015fid":1,"object_id\u0000":2,"öbject_id":3}"#, 9),
        ])
    func accepted(body: String, expected: Int32) {
        #expect(Parsed(body) == .accepted(expected))
    }

    @Test(
        "Another type is named",
        arguments: [
            (#""1""#, "a string"), (#""""#, "a string"), ("null", "null"), ("true", "a boolean"),
            ("false", "a boolean"), ("[]", "an array"), ("[1]", "an array"), ("{}", "an object"),
            (#"{"object_id":1}"#, "an object"),
        ])
    func wrongType(value: String, kind: String) {
        let expected = Parsed.fault(400, "object_id must be a JSON integer, not \(kind)")
        #expect(Parsed(#"{"object_id":\#(value)}"#) == expected)
        #expect(Parsed(#"{"object_id":1,"object_id":\#(value)}"#) == expected)
    }

    @Test(
        "A number that is not written as an integer is a fault, whatever its value",
        arguments: ["1.0", "1e0", "1E2", "1e+2", "1.5", "-0.0", "0e0", "1e-400", "1e400", "99999999999.5", "0.1e1"])
    func notInteger(number: String) {
        let detail = "object_id must be written as an integer, not as \(number)"
        #expect(Parsed(#"{"object_id":\#(number)}"#) == .fault(400, detail))
    }

    @Test(
        "An integer out of range is a fault of its own",
        arguments: [
            "2147483648", "-2147483649", "30000000000", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "18446744073709551617", "4294967297",
            "100000000000000000000000000001",
        ])
    func outOfRange(number: String) {
        let detail = "object_id \(number) is out of range: -2147483648 to 2147483647"
        #expect(Parsed(#"{"object_id":\#(number)}"#) == .fault(422, detail))
    }

    @Test("At most 40 characters of a number are repeated", arguments: [40, 41, 16000])
    func echo(digits: Int) {
        let number = String(repeating: "9", count: digits)
        let shown = String(repeating: "9", count: 40) + (digits > 40 ? "…" : "")
        let detail = "object_id \(shown) is out of range: -2147483648 to 2147483647"
        #expect(Parsed(#"{"object_id":\#(number)}"#) == .fault(422, detail))
        let fraction = Parsed(#"{"object_id":\#(number).5}"#)
        #expect(fraction.status == 400 && fraction.description.utf8.count < 120)
    }

    @Test(
        "Without object_id, it is missing",
        arguments: ["{}", "{ }", #"{"id":1}"#, #"{"a":{"object_id":1}}"#, #"{"object_id ":1}"#, #"{"Object_id":1}"#])
    func missing(body: String) {
        #expect(Parsed(body) == .fault(400, "object_id is missing"))
    }

    @Test(
        "A body that is no object says what it is",
        arguments: [
            ("[]", "an array"), (#"[{"object_id":1}]"#, "an array"), ("1", "a number"), (#""x""#, "a string"),
            (" null", "null"), ("true", "a boolean"),
        ])
    func notAnObject(body: String, kind: String) {
        #expect(Parsed(body) == .fault(400, "the body must be a JSON object, not \(kind)"))
    }

    @Test(
        "A body that is no JSON says so, whatever its object_id is",
        arguments: [#"{"object_id":"x"} x"#, #"{"object_id":99999999999"#, #"{"object_id":null,}"#, #"{"a":1}}"#])
    func precedence(body: String) {
        let outcome = Parsed(body)
        #expect(outcome.status == 400)
        #expect(!outcome.isJSON)
    }
}
