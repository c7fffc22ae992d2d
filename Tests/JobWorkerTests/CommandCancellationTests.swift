import Glibc
import JobWorker
import TestSupport
import Testing

@Suite("Command: cancellation", .timeLimit(.minutes(1)))
struct CommandCancellationTests {
    /// Runs a command that writes process numbers to `$PIDS`, cancels it when there are as many as expected, and returns how
    /// long that took.
    private func cancel(
        _ command: String, writing expected: Int, grace: Duration = .seconds(2)
    ) async throws -> Duration {
        let file = try scratchFile()
        defer { unlink(file) }
        let handler = try CommandHandler(command: "export PIDS=\(file); \(command)", concurrency: 1, grace: grace)
        let run = Task { try await handler.run(Job(id: 1, objectID: 1)) }
        try await eventually { numbers(in: file).count == expected }
        let start = ContinuousClock.now
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        let duration = ContinuousClock.now - start
        let pids = numbers(in: file)
        #expect(pids.allSatisfy(isGone), "still there: \(pids.filter { !isGone($0) })")
        return duration
    }

    @Test func `the whole group is stopped at once`() async throws {
        let duration = try await cancel("sleep 60 & echo $! $$ > $PIDS; exec sleep 60", writing: 2, grace: .seconds(30))
        #expect(duration < .seconds(20))
    }

    @Test func `one that ignores SIGTERM is killed after two seconds`() async throws {
        let command = "trap '' TERM; sleep 60 & echo $! $$ > $PIDS; while :; do sleep 60; done"
        let duration = try await cancel(command, writing: 2)
        #expect(duration >= .seconds(2) && duration < .seconds(20))
    }

    @Test func `so is one that its shell left behind`() async throws {
        // It tells its number only when it ignores the signal.
        let child = "sh -c 'trap \"\" TERM; echo $$ >> $PIDS; sleep 60; :' &"
        let duration = try await cancel("\(child) echo $$ >> $PIDS; sleep 60; :", writing: 2)
        #expect(duration >= .seconds(2) && duration < .seconds(20))
    }

    @Test func `what the shell waits for has time to clean up`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        let child = "trap \"sleep 0.3; echo 1 > \(file); exit\" TERM; echo $$ > $PIDS; while :; do sleep 0.01; done"
        let duration = try await cancel("sh -c '\(child)'; :", writing: 1, grace: .seconds(30))
        #expect(duration < .seconds(20))
        #expect(numbers(in: file) == [1])
    }

    @Test func `a stopped one is killed too`() async throws {
        let duration = try await cancel("echo $$ > $PIDS; kill -STOP $$; sleep 60", writing: 1)
        #expect(duration < .seconds(20))
    }

    @Test func `one that waits for its turn ends at once, and never runs`() async throws {
        let file = try scratchFile()
        defer { unlink(file) }
        let handler = try CommandHandler(command: "echo $JOB_ID >> \(file); sleep 60", concurrency: 1)
        let first = Task { try await handler.run(Job(id: 1, objectID: 1)) }
        try await eventually { numbers(in: file) == [1] }
        let second = Task { try await handler.run(Job(id: 2, objectID: 1)) }
        try await Task.sleep(for: .milliseconds(50))
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(numbers(in: file) == [1])
    }

    @Test func `a cancellation never reaches the thread's next job`() async throws {
        let handler = try CommandHandler(
            command: "[ $JOB_ID = 2 ] || sleep 0.00$((JOB_OBJECT_ID % 10))", concurrency: 1)
        for round in 0..<200 {
            let run = Task { try await handler.run(Job(id: 1, objectID: Int32(round))) }
            try await Task.sleep(for: .microseconds(round * 50))
            run.cancel()
            _ = try? await run.value
            try await handler.run(Job(id: 2, objectID: Int32(round)))
        }
    }
}
