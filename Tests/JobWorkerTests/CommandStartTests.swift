import Glibc
import Jobs
import Service
import TestSupport
import Testing

@testable import JobWorker

/// What keeps a command from starting.
@Suite("Command: start", .timeLimit(.minutes(1)))
struct CommandStartTests {
    @Test func `the probe starts the shell, whatever the command is`() throws {
        try CommandHandler.probe(command: "exit 3")
    }

    @Test func `the probe finds a command that does not fit beside the environment`() async {
        await #expect(processExitsWith: .success) {
            // The kernel gives arguments and environment a quarter of the stack, and 128 KiB at least.
            var limit = rlimit(rlim_cur: 512 << 10, rlim_max: 512 << 10)
            setrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit)
            let command = ": " + String(repeating: "x", count: 100_000)
            try CommandHandler.probe(command: command)
            setenv("LONG", String(repeating: "x", count: 100_000), 1)
            var code: Int32?
            do { try CommandHandler.probe(command: command) } catch let failure as CommandFailure {
                code = failure.startError?.code
            }
            #expect(code == E2BIG)
        }
    }

    @Test func `a worker at its limit of processes hands the job back, and runs the next when it may`() async {
        await #expect(processExitsWith: .success) {
            let handler = try CommandHandler(command: "true", concurrency: 1)
            let held = HeldJobs(handler, concurrency: 1, timeout: 30, wakeup: try Wakeup())
            func claim(_ id: Int64) -> Claim {
                Claim(id: JobID(rawValue: id), objectID: ObjectID(rawValue: 1), attempt: 1, token: 7)
            }
            func run(_ id: Int64) async throws -> [Ending] {
                held.add([claim(id)])
                var endings: [Ending] = []
                try await eventually {
                    endings += held.takeEnded().map(\.ending)
                    return !endings.isEmpty
                }
                return endings
            }
            #expect(try await run(1) == [.succeeded])
            // The limit does not hold for root.
            if getuid() == 0 { setuid(54_321) }
            // RLIMIT_NPROC, which is not imported.
            let resource = __rlimit_resource_t(6)
            var old = rlimit()
            getrlimit(resource, &old)
            var none = rlimit(rlim_cur: 0, rlim_max: old.rlim_max)
            setrlimit(resource, &none)
            #expect(try await run(2) == [.interrupted])
            #expect(!held.takesJobs)
            setrlimit(resource, &old)
            try await eventually { held.takesJobs }
            #expect(try await run(3) == [.succeeded])
        }
    }
}
