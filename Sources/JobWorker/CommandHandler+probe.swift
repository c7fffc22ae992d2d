import CLinux
import Glibc

extension CommandHandler {
    /// Starts the shell once, as it is started for each job, with arguments and an environment as long as the longest, to do
    /// nothing. Where that fails, so would every job.
    package static func probe(command: String) throws {
        let program = CommandProgram(command: command, isProbe: true)
        let shared = try CommandShared(program: program, grace: .zero, concurrency: 1)
        let wake = try CommandDescriptor.event(EFD_NONBLOCK)
        var runner = CommandRunner(shared, number: 0, wake: wake.number)
        try runner.run(Job(id: .min, objectID: .min, attempt: .max))
    }
}
