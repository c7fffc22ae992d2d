internal import Glibc

/// This process, as the log names it.
let processID = getpid()

/// A moment as people tell it, in UTC.
struct WallTime: CustomStringConvertible {
    private let seconds: Int
    private let milliseconds: Int

    init(seconds: Int, milliseconds: Int) {
        self.seconds = seconds
        self.milliseconds = milliseconds
    }

    /// The corresponding C function is `clock_gettime(CLOCK_REALTIME)`.
    static var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// RFC 3339 with milliseconds, such as `2026-11-23T18:19:00.123Z`.
    var description: String {
        var time = seconds
        var parts = tm()
        gmtime_r(&time, &parts)
        let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
        let clock = "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
        return "\(date)T\(clock).\(padded(Int32(milliseconds), to: 3))Z"
    }

    private func padded(_ number: Int32, to width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
