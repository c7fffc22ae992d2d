internal import Glibc

/// Every fault of the settings, found in one go.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One sentence a fault: the variable, what it was given unless that may be a secret, what is allowed.
    package let faults: [String]

    package init(faults: [String]) {
        self.faults = faults
    }

    package var description: String { faults.joined(separator: "; ") }

    /// Logs each fault, and ends the process with ``ExitCode/configuration``.
    package func exit(log: Log) -> Never {
        for fault in faults { log.critical(fault) }
        Glibc.exit(ExitCode.configuration)
    }
}

/// What is wrong with one value, worded to follow the variable's name: `must be …`. It never holds the value.
package struct ValueFault: Error, Equatable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }
}
