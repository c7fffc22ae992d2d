import Testing

@testable import Jobs

@Suite struct OutcomeTests {
    let claim = Claim(id: JobID(rawValue: 1), objectID: ObjectID(rawValue: 2), attempt: 3, token: 7)

    @Test(arguments: [
        ("short", "short"),
        ("", ""),
        ("a\0b", "a\u{FFFD}b"),
        (String(repeating: "x", count: 4096), String(repeating: "x", count: 4096)),
        ("y" + String(repeating: "x", count: 4096), String(repeating: "x", count: 4096)),
        (String(repeating: "é", count: 2049), String(repeating: "é", count: 2048)),
        ("z" + String(repeating: "😀", count: 1024), String(repeating: "😀", count: 1024)),
        (String(repeating: "\0", count: 1366), String(repeating: "\u{FFFD}", count: 1365)),
    ])
    func keepsTheEndOfAMessageAsPostgreSQLCanHoldIt(message: String, stored: String) {
        let outcome = Outcome.failed(claim, message: message)
        #expect(outcome.failure == stored)
        #expect(outcome.failure.map { $0.utf8.count <= Outcome.messageLimit } == true)
        #expect(outcome.status == .failed)
    }

    @Test func successHasNoMessage() {
        #expect(Outcome.success(claim).failure == nil)
        #expect(Outcome.success(claim).status == .success)
    }
}
