import Jobs
import Testing

@testable import JobAPI

@Suite struct EntityTagTests {
    func matches(_ header: String) -> Bool {
        Array(header.utf8).withUnsafeBytes { EntityTag.matches(Timestamp(microseconds: 123), $0) }
    }

    @Test(arguments: ["\"123\"", "W/\"123\"", "*", "\"1\", \"123\"", "\"123\",\"1\""])
    func isNamed(by header: String) { #expect(matches(header)) }

    @Test(arguments: ["", "\"", "123", "\"1234\"", "\"0123\"", "\"1\",\"23\"", "**"])
    func isNotNamed(by header: String) { #expect(!matches(header)) }
}
