/// Exit codes from `sysexits.h`, so that a supervisor can tell a fault of configuration from a crash.
package enum ExitCode {
    /// The work is done.
    package static let success: Int32 = 0
    /// A fault of this program, or of something it cannot go on without (`EX_SOFTWARE`).
    package static let software: Int32 = 70
    /// The settings are wrong, and starting again will not cure it (`EX_CONFIG`).
    package static let configuration: Int32 = 78
}
