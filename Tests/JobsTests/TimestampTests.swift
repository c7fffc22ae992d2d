import Testing

@testable import Jobs

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "2000-01-01T00:00:00.000000Z"),
        (1, "2000-01-01T00:00:00.000001Z"),
        (-1, "1999-12-31T23:59:59.999999Z"),
        (5_097_600_000_000, "2000-02-29T00:00:00.000000Z"),
        (848_773_140_123_456, "2026-11-23T18:19:00.123456Z"),
        (3_160_857_599_999_999, "2100-02-28T23:59:59.999999Z"),
        (3_160_857_600_000_000, "2100-03-01T00:00:00.000000Z"),
        (-946_684_800_000_000, "1970-01-01T00:00:00.000000Z"),
    ])
    func isWrittenAsRFC3339(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }
}
