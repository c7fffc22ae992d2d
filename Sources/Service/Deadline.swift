/// A moment on the monotonic clock by which something must be over.
package struct Deadline: Sendable, Hashable, Comparable {
    /// The moment, in the monotonic clock's nanoseconds.
    package let nanoseconds: Int64

    /// A deadline that does not come.
    package static let never = Deadline(nanoseconds: .max)

    /// A deadline at a reading of ``MonotonicClock``.
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// A deadline some time from now. What lies beyond the clock's range is ``never``.
    package init(after duration: Duration, now: Int64 = MonotonicClock.nanoseconds) {
        let (sum, overflow) = now.addingReportingOverflow(Self.nanoseconds(in: duration))
        nanoseconds = overflow ? (duration < .zero ? .min : .max) : sum
    }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Whether the moment has come.
    package var hasPassed: Bool { remainingNanoseconds() == 0 }

    /// What is left, never negative.
    package var remaining: Duration { .nanoseconds(remainingNanoseconds()) }

    /// What is left in the unit of `poll` and `epoll_wait`: never negative, and rounded up, for a wait that ends just
    /// before its deadline would spin until it has passed. For ``never`` it is -1, which waits without end.
    package var remainingMilliseconds: Int32 { remainingMilliseconds(at: MonotonicClock.nanoseconds) }

    /// ``remainingMilliseconds`` at a given reading of the clock.
    package func remainingMilliseconds(at now: Int64) -> Int32 {
        if self == .never { return -1 }
        let left = remainingNanoseconds(at: now)
        return Int32(clamping: left / 1_000_000 + (left % 1_000_000 > 0 ? 1 : 0))
    }

    private func remainingNanoseconds(at now: Int64 = MonotonicClock.nanoseconds) -> Int64 {
        guard nanoseconds > now else { return 0 }
        let (left, overflow) = nanoseconds.subtractingReportingOverflow(now)
        return overflow ? .max : left
    }

    private static func nanoseconds(in duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}
