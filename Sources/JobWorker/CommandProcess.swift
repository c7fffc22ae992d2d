import CLinux
import Glibc
import Service

/// A running command: the leader of a process group of its own, and all that is in the group.
///
/// Every one must be ended with ``finish()``.
struct CommandProcess: ~Copyable {
    private let group: CommandGroup
    private let slot: UnsafeMutablePointer<Int32>

    /// Becomes readable when the leader has ended.
    let pidfd: CommandDescriptor

    /// Starts the command. It is killed when the calling thread ends.
    ///
    /// - Parameter slot: Where the guardian looks for the group to kill.
    init(
        _ program: CommandProgram, for job: Job, null: Int32, error: Int32, slot: UnsafeMutablePointer<Int32>
    ) throws(SystemError) {
        var leader: pid_t = 0
        var pidfd: Int32 = -1
        let failure = try program.withVectors(for: job) { arguments, environment in
            CommandProgram.shell.withCString { path in
                var command = linux_command(
                    path: path, arguments: arguments, environment: environment, input: null, output: null, error: error,
                    group: slot)
                return linux_spawn(&command, &leader, &pidfd)
            }
        }
        guard failure == 0 else { throw SystemError(call: CommandProgram.shell, code: failure) }
        group = CommandGroup(number: leader)
        self.slot = slot
        self.pidfd = CommandDescriptor(owning: pidfd)
    }

    /// Sends a signal to the whole group. Its number cannot have been given to another: the leader is not reaped yet.
    borrowing func signal(_ signal: Int32) { group.signal(signal) }

    /// Kills what is left of the group once the leader has ended, and reaps it. The order is ``CommandGuardian``'s.
    consuming func finish() -> CommandStatus {
        group.signal(SIGKILL)
        linux_clear_group(slot)
        var word: Int32 = 0
        while waitpid(group.number, &word, 0) < 0 && errno == EINTR {}
        group.awaitEnd()
        return CommandStatus(waitStatus: word)
    }
}
