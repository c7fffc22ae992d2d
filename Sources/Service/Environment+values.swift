extension Environment {
    /// A setting that may be missing.
    package mutating func string(_ name: String) -> String? { setting(name)?.value }

    /// A setting that may not be missing. It is taken for a secret: no fault repeats it.
    package mutating func required(_ name: String) -> String { required(name) { $0 } ?? "" }

    /// A setting that may not be missing, as `parse` reads it. It is taken for a secret: no fault repeats it.
    package mutating func required<Value>(
        _ name: String, _ parse: (String) throws(ValueFault) -> Value
    ) -> Value? {
        if !isGiven(name) { fault("\(name) is not set: set it, or \(name)_FILE") }
        return parsed(name, parse)
    }

    /// A whole number within a range.
    ///
    /// - Parameter old: a name that the setting had before, and under which it may still be given.
    package mutating func integer(
        _ name: String, default standard: Int, in range: ClosedRange<Int>, formerly old: String? = nil
    ) -> Int {
        let name = old.map { givenName(of: name, formerly: $0) } ?? name
        guard let setting = setting(name) else { return standard }
        if let number = Int(setting.value), range.contains(number) { return number }
        let allowed = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        fault("\(name) must be \(allowed)\(Self.given(setting))")
        return standard
    }

    /// One of an enumeration's cases by its raw value, in upper or lower case.
    package mutating func choice<Choice>(_ name: String, default standard: Choice) -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let setting = setting(name) else { return standard }
        if let choice = Choice(rawValue: setting.value.lowercased()) { return choice }
        let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        fault("\(name) must be one of \(allowed)\(Self.given(setting))")
        return standard
    }

    /// Where Redis is. It may not be missing, and is taken for a secret: no fault repeats it.
    package mutating func redisURL(_ name: String) -> RedisURL {
        required(name, RedisURL.init(parsing:)) ?? RedisURL(host: "")
    }

    /// Where to listen, or nil where it is not set.
    package mutating func listenAddress(_ name: String) -> ListenAddress? {
        parsed(name, ListenAddress.init(parsing:))
    }

    private mutating func parsed<Value>(_ name: String, _ parse: (String) throws(ValueFault) -> Value) -> Value? {
        guard let setting = setting(name) else { return nil }
        do throws(ValueFault) {
            return try parse(setting.value)
        } catch {
            fault("\(name) \(error.text)")
            return nil
        }
    }

    /// What was given, shortened; nothing where it came from a file, which may be the wrong one.
    private static func given(_ setting: Setting) -> String {
        if setting.isFromFile { return "; the file holds something else" }
        return ", not '\(setting.value.prefix(40))\(setting.value.count > 40 ? "…" : "")'"
    }
}
