import Testing

@testable import JobAPI

@Suite struct MediaTypeTests {
    @Test(arguments: [
        ("application/json; charset=\u{0301}latin1", false), ("application/json", true), ("Application/JSON", true),
        (" application/json ", true),
        ("application/json; charset=utf-8", true), ("application/json;charset=UTF-8", true),
        ("application/json; charset=\"utf-8\"", true), ("application/json; profile=x", true),
        ("application/json;", true), ("application/json; charset=latin1", false), ("text/plain", false), ("", false),
        ("application/jsonp", false), ("application/x-www-form-urlencoded", false), ("application/problem+json", false),
    ])
    func isJSON(value: String, expected: Bool) {
        #expect(Array(value.utf8).withUnsafeBytes(MediaType.isJSON) == expected)
    }
}
