internal import Glibc

/// Reads the settings, and collects what is wrong with them, to say it all at once.
///
/// ```swift
/// var environment = Environment()
/// let lease = environment.integer("JOB_LEASE", default: 10, in: 1...3600)
/// let database = environment.required("DATABASE_URL")
/// environment.exitOnFault(log: log)
/// ```
/// Each setting `X` may come from the file that `X_FILE` names. An empty variable counts as unset. A reader that finds a
/// fault returns a stand-in, so that the next setting is looked at too: use nothing before ``finish()``.
package struct Environment {
    /// A setting as found.
    struct Setting {
        let value: String
        /// Whether it came from a file, and so is not to be repeated anywhere.
        let isFromFile: Bool
    }

    private let lookUp: (String) -> String?
    /// The faults found so far.
    package private(set) var faults: [String] = []
    /// What to tell the operator although it is no fault.
    package private(set) var notices: [String] = []

    /// The process's own environment. The corresponding C function is `getenv`.
    package init() {
        lookUp = { name in getenv(name).map { String(cString: $0) } }
    }

    /// The given variables.
    package init(_ variables: [String: String]) {
        lookUp = { variables[$0] }
    }

    /// Adds a fault, such as of two settings that don't go together.
    package mutating func fault(_ text: String) {
        faults.append(text)
    }

    /// Ends the reading.
    ///
    /// - Throws: ``ConfigurationError`` with every fault found.
    package func finish() throws(ConfigurationError) {
        if !faults.isEmpty { throw ConfigurationError(faults: faults) }
    }

    /// Ends the reading and logs the notices; where there are faults, logs them and ends the process with
    /// ``ExitCode/configuration``.
    package func exitOnFault(log: Log) {
        for notice in notices { log.notice(notice) }
        if !faults.isEmpty { ConfigurationError(faults: faults).exit(log: log) }
    }

    /// Finds a setting in its variable or its file.
    mutating func setting(_ name: String) -> Setting? {
        let direct = variable(name)
        guard let path = variable(name + "_FILE") else { return direct.map { Setting(value: $0, isFromFile: false) } }
        if direct != nil {
            fault("\(name) and \(name)_FILE are both set: set one of them")
            return nil
        }
        do throws(ValueFault) {
            return Setting(value: try SettingFile.read(path), isFromFile: true)
        } catch {
            fault("\(name)_FILE \(error.text)")
            return nil
        }
    }

    /// Whether the setting is given, be it wrongly.
    func isGiven(_ name: String) -> Bool { variable(name) != nil || variable(name + "_FILE") != nil }

    /// Under which of its two names a setting is given.
    mutating func givenName(of name: String, formerly old: String) -> String {
        guard isGiven(old) else { return name }
        if isGiven(name) {
            fault("\(old) is the old name of \(name), and both are set: set \(name) alone")
            return name
        }
        notices.append("\(old) is the old name of \(name): set \(name) instead")
        return old
    }

    private func variable(_ name: String) -> String? {
        lookUp(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
