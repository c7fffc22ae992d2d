import CLinux
import Glibc

/// A running command: the leader of a process group of its own, and all that is in the group.
///
/// Every one must be ended with ``finish()``.
struct CommandProcess: ~Copyable {
    private let leader: pid_t
    private let slot: UnsafeMutablePointer<Int32>

    /// Becomes readable when the leader has ended.
    let pidfd: CommandDescriptor

    /// Starts the command. It is killed when the calling thread ends.
    ///
    /// - Parameter slot: Where the guardian looks for the group to kill.
    init(
        _ program: CommandProgram, for job: Job, null: Int32, error: Int32, slot: UnsafeMutablePointer<Int32>
    ) throws(CommandError) {
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
        guard failure == 0 else { throw CommandError(CommandProgram.shell, failure) }
        self.leader = leader
        self.slot = slot
        self.pidfd = CommandDescriptor(owning: pidfd)
    }

    /// Sends a signal to the whole group. The leader's number cannot have been given to another: it is not reaped yet.
    borrowing func signal(_ signal: Int32) { _ = kill(-leader, signal) }

    /// Kills what is left of the group once the leader has ended, and reaps it. The order is ``CommandGuardian``'s.
    consuming func finish() -> CommandStatus {
        signal(SIGKILL)
        linux_clear_group(slot)
        var word: Int32 = 0
        while waitpid(leader, &word, 0) < 0 && errno == EINTR {}
        awaitGroupEnd()
        return CommandStatus(waitStatus: word)
    }

    /// The kill has reached every process of the group, but each dies on its own. Nothing of a finished job goes on, so wait
    /// for that; a second at most, since one in an uninterruptible wait is not ours to end.
    private borrowing func awaitGroupEnd() {
        for _ in 0..<5000 {
            guard kill(-leader, 0) == 0 else { return }
            // Orphans are this process's own where it is pid 1 of a container: nobody else would reap them.
            if waitpid(-leader, nil, WNOHANG) <= 0 { usleep(200) }
        }
    }
}
