internal import Glibc

/// The clock that never goes back: for measuring and for waiting, never for telling the time.
package enum MonotonicClock {
    /// Nanoseconds since a start of no meaning. The corresponding C function is `clock_gettime(CLOCK_MONOTONIC)`.
    package static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
