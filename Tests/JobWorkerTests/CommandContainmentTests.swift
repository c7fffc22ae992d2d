import Glibc
import JobWorker
import TestSupport
import Testing

@Suite("Command: containment", .timeLimit(.minutes(1)))
struct CommandContainmentTests {
    @Test func `it inherits the three standard descriptors and no other`() async throws {
        let extra = open("/dev/null", O_RDONLY)  // Not close-on-exec.
        defer { close(extra) }
        // 3 is the directory that ls reads.
        #expect(try await message(of: "ls /proc/self/fd | tr '\\n' ' ' >&2; exit 1") == "0 1 2 3 ")
        let targets = try await message(of: "out=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo \"$out\" >&2; exit 1")
        #expect(targets == "/dev/null\n/dev/null")
    }

    @Test func `it has them even where the worker was started without`() async {
        await #expect(processExitsWith: .success) {
            let output = dup(1)
            for number: Int32 in 0...2 { close(number) }
            let text = try await message(of: "out=$(readlink /proc/$$/fd/[0-9]); echo \"$out\" >&2; exit 1")
            dup2(output, 2)
            #expect(text?.hasPrefix("/dev/null\n/dev/null\npipe:") == true)
        }
    }

    @Test func `its signals are unblocked and default`() async {
        await #expect(processExitsWith: .success) {
            for number in [SIGPIPE, SIGHUP, SIGUSR1, SIGCHLD] { signal(number, SIG_IGN) }
            // The shell itself catches some: look at what it executes.
            let text = try await message(of: "exec sh -c \"grep -E '^Sig(Blk|Ign)' /proc/self/status >&2; exit 1\"")
            #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000")
        }
    }

    @Test func `it leads a process group of its own`() async throws {
        let text = try await message(of: "awk '{ print $4 == pid && $5 == pid }' pid=$$ /proc/self/stat >&2; exit 1")
        #expect(text == "1")
    }

    @Test func `exit statuses are not lost where the worker's parent ignored SIGCHLD`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            let text = try await message(of: "exit 3")
            #expect(text == "exited with status 3")
        }
    }

    @Test(arguments: [SIGKILL, SIGSEGV, SIGTERM])
    func `a killed worker takes everything with it`(signal: Int32) async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        await #expect(processExitsWith: .signal(signal)) { [file = file as String, signal = signal as Int32] in
            // The last one has lost its parent, and minds no signal.
            let orphan = "(trap '' TERM HUP INT; sh -c 'echo $$ >> \(file); sleep 60; :' &)"
            let command = "sleep 60 & echo $$ $! >> \(file); \(orphan); wait"
            let handler = try CommandHandler(command: command, concurrency: 4)
            let runs = (1...4).map { id in Task { try await handler.run(Job(id: Int64(id), objectID: 1)) } }
            try await eventually { numbers(in: file).count == 12 }
            Glibc.signal(signal, SIG_DFL)
            kill(getpid(), signal)
            for run in runs { try await run.value }
        }
        let pids = numbers(in: file)
        #expect(pids.count == 12)
        try await eventually(within: .seconds(5)) { pids.allSatisfy(isGone) }
    }

    @Test func `a killed worker takes the command with it even where the guardian is gone`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [file = file as String] in
            let command = "pkill -KILL -P $PPID -x job-guardian && echo $$ > \(file); exec sleep 60"
            let handler = try CommandHandler(command: command, concurrency: 1)
            let run = Task { try await handler.run(Job(id: 1, objectID: 1)) }
            try await eventually { numbers(in: file).count == 1 }
            kill(getpid(), SIGKILL)
            try await run.value
        }
        let pids = numbers(in: file)
        #expect(pids.count == 1)
        try await eventually(within: .seconds(5)) { pids.allSatisfy(isGone) }
    }

    @Test func `a worker that ends normally takes everything with it, the guardian included`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        await #expect(processExitsWith: .success) { [file = file as String] in
            let handler = try CommandHandler(command: "sleep 60 & echo $$ $! > \(file); wait", concurrency: 1)
            let run = Task { try await handler.run(Job(id: 1, objectID: 1)) }
            try await eventually { numbers(in: file).count == 2 }
            _ = run
            exit(0)
        }
        let pids = numbers(in: file)
        #expect(pids.count == 2)
        try await eventually(within: .seconds(5)) { pids.allSatisfy(isGone) }
    }

    @Test func `500 runs leave no descriptor, no child and no thread`() async {
        await #expect(processExitsWith: .success) {
            var handler: CommandHandler? = try CommandHandler(command: "exit $JOB_OBJECT_ID", concurrency: 4)
            func run(_ ids: ClosedRange<Int64>) async {
                await withTaskGroup { group in
                    for id in ids {
                        group.addTask { [handler] in try? await handler?.run(Job(id: id, objectID: Int32(id % 2))) }
                    }
                }
            }
            await run(1...20)
            let (files, threads) = (count(of: "/proc/self/fd"), status("Threads"))
            await run(1...500)
            #expect(count(of: "/proc/self/fd") == files)
            // Swift's pool ends its own after five idle seconds.
            #expect(try #require(status("Threads")) <= #require(threads))
            handler = nil
            // The guardian goes with the handler: no child at all is left.
            try await eventually { waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD }
        }
    }
}
