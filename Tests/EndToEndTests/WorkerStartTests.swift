import Foundation
import Glibc
import TestSupport
import Testing

/// A worker that cannot start what its jobs run.
@Suite(.serialized, .timeLimit(.minutes(4))) struct WorkerStartTests {
    private static let worker = "\(Scratch.root)/.build/release/job-worker"

    /// Runs a worker for the stack, after a preparation, until it ends by itself.
    private func run(_ stack: Stack, after preparation: String = ":", _ settings: [String: String]) async throws
        -> Shell.Result
    {
        let script = ". \(stack.directory)/worker-env; \(preparation); exec timeout 60 \(Self.worker)"
        // In mounts of its own, where that is allowed.
        let namespace = getuid() == 0 ? ["unshare", "--mount"] : []
        return try await Shell.run(namespace + ["bash", "-c", script], environment: settings)
    }

    private func create(_ count: Int, _ stack: Stack) async throws {
        for object in 1...count { _ = try await stack.create(object) }
    }

    private func jobs(_ stack: Stack) async throws -> String {
        try await stack.sql("SELECT status || ' ' || lost || ' ' || coalesce(message, '-') FROM jobs ORDER BY id")
    }

    @Test(.enabled(if: getuid() == 0, "only root mounts")) func `without a shell it ends with 78 and fails no job`()
        async throws
    {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        try await create(3, stack)
        let result = try await run(stack, after: "mount --bind /dev/null /usr/bin/dash", ["JOB_COMMAND": "true"])
        #expect(result.status == 78)
        #expect(result.error.contains("cannot start programs"), "\(result.error)")
        #expect(try await jobs(stack) == "created 0 -\ncreated 0 -\ncreated 0 -")
        try await stack.remove()
    }

    @Test(.enabled(if: getuid() == 0, "only root mounts"))
    func `one that loses its shell ends with 70 and hands the other jobs back`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        try await create(4, stack)
        let breaks = "mount --bind /dev/null /usr/bin/dash"
        let result = try await run(stack, ["JOB_COMMAND": breaks, "JOB_CONCURRENCY": "1"])
        #expect(result.status == 70)
        #expect(result.error.contains("cannot start programs; this worker ends"), "\(result.error)")
        #expect(try await jobs(stack) == "success 0 -\ncreated 0 -\ncreated 0 -\ncreated 0 -")
        // The audit of a new stream may announce them once more.
        let messages = try #require(Int(try await stack.redis("xlen jobs")))
        #expect(messages >= 3, "others are told of them")
        try await stack.remove()
    }

    @Test func `a command that does not fit beside the environment ends it with 78`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        try await create(1, stack)
        let command = ": " + String(repeating: "x", count: 100_000)
        let result = try await run(stack, after: "ulimit -s 512", ["JOB_COMMAND": command])
        #expect(result.status == 78)
        #expect(result.error.contains("Argument list too long"), "\(result.error.prefix(1000))")
        #expect(try await jobs(stack) == "created 0 -")
        try await stack.remove()
    }

    @Test func `the old name of a setting is read, and the log has the new one`() async throws {
        let stack = try await Stack([
            "JOB_MAX_ATTEMPTS": "1", "JOB_COMMAND": "kill -9 $PPID", "WORKERS": "1", "FCGI": "1",
        ])
        let job = try await stack.wait(for: try await stack.create(1), "failed", within: .seconds(40))
        #expect(try job.member("message") == "job lost its worker 1 times, the most that is allowed")
        #expect(try stack.log(of: "job-worker_00").contains("JOB_MAX_ATTEMPTS is the old name of JOB_MAX_LOSSES"))
        try await stack.remove()
    }
}
