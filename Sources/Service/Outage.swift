/// Says in the log that something is away, and that it is back: once each, however often it is asked for meanwhile.
package struct Outage {
    private let log: Log
    private let away: String
    private let back: String
    private var isOn = false

    /// - Parameters:
    ///   - away: the warning when it begins; the error is given with it.
    ///   - back: the notice when it is over.
    package init(_ log: Log, away: String, back: String) {
        self.log = log
        self.away = away
        self.back = back
    }

    package mutating func began(_ error: some CustomStringConvertible) {
        if !isOn { log.warning(away, ["error": error.description]) }
        isOn = true
    }

    package mutating func ended() {
        if isOn { log.notice(back) }
        isOn = false
    }
}
