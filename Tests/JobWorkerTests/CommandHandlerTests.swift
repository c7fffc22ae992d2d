import Glibc
import JobWorker
import Testing

@Suite("Command: outcome", .timeLimit(.minutes(1)))
struct CommandHandlerTests {
    @Test func `exit status 0 is success`() async throws {
        #expect(try await message(of: "echo warning >&2; echo out; true") == nil)
    }

    @Test(arguments: [
        ("exit 3", "exited with status 3"),
        ("echo >&2; exit 255", "exited with status 255"),
        ("kill -KILL $$", "killed by signal 9 (KILL)"),
        ("kill -TERM $$", "killed by signal 15 (TERM)"),
        ("kill -40 $$", "killed by signal 40 (RTMIN+6)"),
        ("echo before >&2; kill -SEGV $$", "before"),
        ("echo 'no such thing' >&2; exit 1", "no such thing"),
        ("printf 'two\\nlines\\r\\n\\n' >&2; exit 1", "two\nlines"),
        ("exec 2>&-; sleep 0.05; exit 4", "exited with status 4"),
        ("echo late >&2; exec 2>&-; sleep 0.05; exit 4", "late"),
        ("cat; wc -c >&2; exit 1", "0"),
        ("printf 'a\\000b\\377c' >&2; exit 1", "a\u{FFFD}b\u{FFFD}c"),
    ])
    func `anything else is failed with the end of the standard error`(command: String, expected: String) async throws {
        #expect(try await message(of: command) == expected)
    }

    @Test func `the shell says what it cannot find`() async throws {
        let message = try await message(of: "/nonexistent/program")
        #expect(message?.contains("not found") == true)
    }

    @Test(arguments: [(2, nil), (4, nil), (0, nil), (-2, nil), (1, "odd"), (7, "odd")] as [(Int32, String?)])
    func `even and odd`(objectID: Int32, expected: String?) async throws {
        let command = "test $((JOB_OBJECT_ID % 2)) = 0 || { echo odd >&2; exit 3; }"
        #expect(try await message(of: command, objectID: objectID) == expected)
    }

    @Test func `the job is in the environment`() async throws {
        let job = Job(id: .max, objectID: .min, attempt: 3)
        let handler = try CommandHandler(
            command: "echo $JOB_ID $JOB_OBJECT_ID $JOB_ATTEMPT >&2; exit 1", concurrency: 1)
        #expect(try await message(of: handler, job) == "9223372036854775807 -2147483648 3")
    }

    @Test func `the worker's environment is passed on, without a secret`() async {
        await #expect(processExitsWith: .success) {
            let secrets = [
                "API_TOKENS", "API_TOKENS_FILE", "DATABASE_URL", "DATABASE_URL_FILE", "PGPASSFILE", "PGPASSWORD",
                "PGSERVICE", "PGSERVICEFILE", "PGSSLKEY", "PGSSLPASSWORD", "PGSYSCONFDIR", "REDISCLI_AUTH", "REDIS_URL",
                "REDIS_URL_FILE",
            ]
            for name in secrets + ["JOB_ID"] { setenv(name, "planted", 1) }
            setenv("REDIS_URLS", "kept\u{FFFD}", 1)
            setenv("PGHOST", "kept", 1)
            // The program that the shell starts sees no more than the shell.
            let text = try await message(of: "env | grep -aE 'planted|kept|^JOB_ID' | sort >&2; exit 1")
            #expect(text == "JOB_ID=7\nPGHOST=kept\nREDIS_URLS=kept\u{FFFD}")
        }
    }

    @Test func `a background process that holds the pipe is not waited for, and ends with the command`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        let start = ContinuousClock.now
        let text = try await message(of: "sleep 600 & echo $! > \(file); echo failed >&2; exit 5")
        #expect(text == "failed")
        #expect(ContinuousClock.now - start < .seconds(50))
        let pids = numbers(in: file)
        #expect(pids.count == 1 && pids.allSatisfy(isGone))
    }

    @Test func `a process that left the group holds nothing up, even while it floods the pipe`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        let text = try await message(of: "setsid sh -c 'echo $$ > \(file); exec yes >&2' & sleep 0.2; exit 6")
        #expect(text?.utf8.count == 4095)
        for pid in numbers(in: file) { kill(pid, SIGKILL) }
    }

    @Test func `32 at once`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        // Each ends only when all have begun.
        let command = "echo x >> \(file); until [ $(wc -l < \(file)) -ge 32 ]; do sleep 0.05; done"
        let handler = try CommandHandler(command: command, concurrency: 32)
        try await withThrowingTaskGroup { group in
            for id in 1...32 { group.addTask { try await handler.run(Job(id: Int64(id), objectID: 1)) } }
            try await group.waitForAll()
        }
    }

    @Test func `no more than the concurrency at once, the others in turn`() async throws {
        let handler = try CommandHandler(command: "sleep 0.1", concurrency: 2)
        let start = ContinuousClock.now
        try await withThrowingTaskGroup { group in
            for id in 1...6 { group.addTask { try await handler.run(Job(id: Int64(id), objectID: 1)) } }
            try await group.waitForAll()
        }
        #expect(ContinuousClock.now - start >= .milliseconds(300))
    }
}
