/// A moment on the database's clock, in microseconds.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 2000-01-01 00:00 UTC, which is how PostgreSQL counts.
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    package var description: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 3339 in UTC with six decimals: `2026-11-23T18:19:00.123456Z`.
    package func write(to bytes: inout [UInt8]) {
        let (days, inDay) = floorDivide(microseconds, by: 86_400_000_000)
        let (seconds, fraction) = floorDivide(inDay, by: 1_000_000)
        let date = civilDate(daysSince2000: days)
        digits(date.year, 4, to: &bytes)
        for (separator, value) in [(UInt8(ascii: "-"), date.month), (UInt8(ascii: "-"), date.day)] {
            bytes.append(separator)
            digits(value, 2, to: &bytes)
        }
        bytes.append(UInt8(ascii: "T"))
        digits(seconds / 3600, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        digits(seconds / 60 % 60, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        digits(seconds % 60, 2, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        digits(fraction, 6, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }
}

private func digits(_ value: Int64, _ width: Int, to bytes: inout [UInt8]) {
    var unit: Int64 = 1
    for _ in 1..<width { unit *= 10 }
    while unit > 0 {
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / unit % 10))
        unit /= 10
    }
}

private func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}

/// The proleptic Gregorian date, by years that begin in March, so that a leap day is the last of its year.
private func civilDate(daysSince2000 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = floorDivide(days + 730_425, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
}
