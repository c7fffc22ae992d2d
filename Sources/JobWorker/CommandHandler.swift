import CLinux
import Glibc
package import Service

/// Runs a program for each job: `/bin/sh -c command`, in any language.
///
/// - The command gets the worker's environment and `JOB_ID`, `JOB_OBJECT_ID` and `JOB_ATTEMPT`. It does not get the
///   variables that hold or name secrets (``CommandProgram/withheld``). That keeps them out of what commands print, no
///   more: a process of the same user can read them elsewhere.
/// - Exit status 0 is success. Anything else throws a ``CommandFailure``, whose description is the end of the standard
///   error: at most 4096 bytes.
/// - The standard input is empty, and the standard output is discarded.
/// - The command has a process group of its own. Nothing in that group outlives the run: what the command left running in
///   the background is killed when it ends, and all of it when the worker is killed. Only a process that leaves the group
///   (`setsid`) escapes that.
/// - When the task is cancelled, the group gets SIGTERM and, two seconds later, SIGKILL. Then `run` throws
///   `CancellationError`.
package final class CommandHandler: JobHandler {
    private let queue: CommandQueue
    private let concurrency: Int

    /// Starts the threads that run commands, and the guardian process. Call it early: the guardian is a fork, and keeps the
    /// memory that this process has now.
    ///
    /// - Parameters:
    ///   - command: What the shell runs.
    ///   - concurrency: How many run at once; more wait for their turn. At least 1.
    ///   - grace: How long a cancelled command has between SIGTERM and SIGKILL.
    /// - Throws: The system call that failed.
    package init(command: String, concurrency: Int, grace: Duration = .seconds(2)) throws(SystemError) {
        // A parent that ignores SIGCHLD hands that down, and the kernel then throws the exit statuses away.
        guard linux_keep_exit_statuses() == 0 else { throw SystemError(call: "sigaction", code: errno) }
        let threads = max(1, concurrency)
        let program = CommandProgram(command: command)
        let shared = try CommandShared(program: program, grace: grace, concurrency: threads)
        self.queue = shared.queue
        self.concurrency = threads
        for number in 0..<threads {
            let wake = try CommandDescriptor.event(EFD_NONBLOCK)
            _ = try Thread.start(name: "job-command-\(number)") {
                var runner = CommandRunner(shared, number: number, wake: wake.number)
                runner.work()
            }
        }
    }

    deinit { queue.close(threads: concurrency) }

    package func run(_ job: Job) async throws {
        let order = CommandOrder(job)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if order.enqueue(continuation) { queue.push(order) }
            }
        } onCancel: {
            order.cancel()
        }
    }
}
