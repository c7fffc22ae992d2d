import Service
import Testing

@Suite("Deadline")
struct DeadlineTests {
    @Test(
        "What is left in milliseconds is rounded up, never negative, and fits",
        arguments: [
            (Int64(0), Int32(0)), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (50_000_000, 50),
            (-1, 0), (-5_000_000_000, 0), (.max - 1001, .max),
        ])
    func milliseconds(left: Int64, expected: Int32) {
        #expect(Deadline(nanoseconds: 1000 + left).remainingMilliseconds(at: 1000) == expected)
    }

    @Test("A deadline that never comes waits without end")
    func never() {
        #expect(Deadline.never.remainingMilliseconds == -1)
        #expect(!Deadline.never.hasPassed)
    }

    @Test(
        "A duration beyond the clock's range is clamped",
        arguments: [
            (Duration.milliseconds(50), Int64(1_050_000_000)), (.zero, 1_000_000_000), (.nanoseconds(-1), 999_999_999),
            (.seconds(Int64.max), .max), (.seconds(9_223_372_036), .max), (.seconds(Int64.min), .min),
        ])
    func clamped(duration: Duration, expected: Int64) {
        let now: Int64 = 1_000_000_000
        let sum = Deadline(after: duration, now: now).nanoseconds
        // At the far end only the sign matters: the moment is centuries away.
        #expect(expected == .min ? sum < -9_000_000_000_000_000_000 : sum == expected)
    }

    @Test("A deadline in the past has passed, one ahead has not")
    func passed() {
        #expect(Deadline(after: .zero).hasPassed)
        #expect(Deadline(after: .seconds(-1)).remaining == .zero)
        let ahead = Deadline(after: .seconds(60))
        #expect(!ahead.hasPassed)
        #expect(ahead.remaining > .seconds(50) && ahead.remaining <= .seconds(60))
        #expect(Deadline(after: .zero) < ahead)
    }
}
