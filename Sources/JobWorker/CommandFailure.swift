import CLinux
import Glibc
package import Service

/// Why a command's job failed.
package struct CommandFailure: Error, CustomStringConvertible, Hashable {
    package enum Reason: Hashable, Sendable {
        case exited(status: Int32)
        case killed(signal: Int32)
        /// The worker could not start it.
        case notStarted(SystemError)
    }

    package let reason: Reason

    /// Why it could not be started; nil where it ran. What is executed is always the shell, so this is never the job's fault.
    var startError: SystemError? {
        guard case .notStarted(let error) = reason else { return nil }
        return error
    }

    /// What becomes the job's message: the end of what the command wrote to its standard error, or the reason.
    package let description: String

    /// - Parameter output: The end of the standard error; empty where there is none.
    init(_ reason: Reason, output: String = "") {
        self.reason = reason
        description = output.isEmpty ? Self.words(for: reason) : output
    }

    private static func words(for reason: Reason) -> String {
        switch reason {
        case .exited(let status): "exited with status \(status)"
        case .killed(let signal): "killed by signal \(signal) (\(name(of: signal)))"
        case .notStarted(let error): "could not be started: \(error)"
        }
    }

    private static func name(of signal: Int32) -> String {
        guard let name = linux_signal_name(signal) else { return signal >= 34 ? "RTMIN+\(signal - 34)" : "unknown" }
        return String(cString: name)
    }
}

extension SystemError {
    /// Whether the machine was short of something that it may have again in a moment.
    var isShortage: Bool { [EAGAIN, EMFILE, ENFILE, ENOMEM].contains(code) }
}

/// How a command ended.
enum CommandStatus: Hashable {
    case exited(Int32)
    case killed(signal: Int32)

    /// Reads the status word of wait(2), whose macros Swift does not import.
    init(waitStatus word: Int32) {
        let signal = word & 0x7f
        self = signal == 0 ? .exited(word >> 8 & 0xff) : .killed(signal: signal)
    }

    /// What the job fails with; `nil` for success.
    func failure(output: @autoclosure () -> String) -> CommandFailure? {
        switch self {
        case .exited(0): nil
        case .exited(let status): CommandFailure(.exited(status: status), output: output())
        case .killed(let signal): CommandFailure(.killed(signal: signal), output: output())
        }
    }
}
