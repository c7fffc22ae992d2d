import Foundation
import Glibc
import TestSupport
import Testing

/// Commands that do their worst. Each ends as is promised, and what works beside it goes on.
@Suite(.serialized, .timeLimit(.minutes(4))) struct PoisonTests {
    @Test func failsAJobThatKillsItsWorkersAndRunsTheOthersMeanwhile() async throws {
        let stack = try await Stack([
            "JOB_COMMAND": "test $JOB_OBJECT_ID != 1 || kill -9 $PPID; sleep 0.5", "JOB_LEASE": "2", "WORKERS": "3",
            "FCGI": "1",
        ])
        let poison = try await stack.create(1)
        var others: [Int] = []
        try await eventually(within: .seconds(90), "the job that kills its workers has ended") {
            others.append(try await stack.create(2 + others.count))
            try await Task.sleep(for: .milliseconds(100))
            return try await stack.curl("/v1/jobs/\(poison)").member("status") == "failed"
        }
        let ended = try await stack.curl("/v1/jobs/\(poison)")
        #expect(try ended.member("message") == "job lost its worker 5 times, the most that is allowed")
        #expect(try await stack.sql("SELECT attempt || ' ' || lost FROM jobs WHERE id = \(poison)") == "5 5")
        try await eventually(within: .seconds(30), "the others have ended") {
            try await stack.sql("SELECT count(*) FROM jobs WHERE end_time IS NULL") == "0"
        }
        // Not timed, since machines differ: most of them had ended before the one that kills was given up.
        let summary = """
            SELECT count(*) FILTER (WHERE status = 'success') || ' ' ||
                   (2 * count(*) FILTER (WHERE end_time < (SELECT end_time FROM jobs WHERE id = \(poison))) > count(*))
            FROM jobs WHERE id != \(poison)
            """
        #expect(try await stack.sql(summary) == "\(others.count) true")
        try await stack.remove()
    }

    /// All of them side by side on one worker.
    @Test func endsEveryCommandAndKeepsItsWorker() async throws {
        let daemon = "/tmp/job-daemon-\(UUID().uuidString)"
        let commands = [
            "head -c 1000000000 /dev/zero; head -c 1000000000 /dev/zero >&2; echo end >&2; exit 1",
            "trap '' TERM; while :; do sleep 1; done",
            "setsid sh -c 'sleep 600 & echo $! > \(daemon).new; mv \(daemon).new \(daemon)' & wait",
            "exec <&- >&- 2>&-; sleep 0.1; exit 4",
            "kill -SEGV $$",
            "printf 'a\\000b\\377c' >&2; exit 1",
        ]
        let cases = commands.enumerated().map { "\($0 + 1)) \($1);;" }
        let stack = try await Stack([
            "JOB_COMMAND": "case $JOB_OBJECT_ID in\n\(cases.joined(separator: "\n"))\nesac", "JOB_TIMEOUT": "15",
            "WORKERS": "1", "FCGI": "1",
        ])
        let worker = try await stack.pid(of: "job-worker:job-worker_00")
        try await stack.wait(for: stack.create(7), "success")
        let before = try peakMemory(of: worker)
        var ids: [Int] = []
        for object in 1...commands.count { ids.append(try await stack.create(object)) }
        #expect(try await message(of: ids[0], in: stack) == String(repeating: "\u{FFFD}", count: 1364) + "end")
        #expect(try await message(of: ids[1], in: stack) == "job exceeded the timeout of 15 s")
        #expect(try await message(of: ids[2], in: stack) == nil)
        #expect(try await message(of: ids[3], in: stack) == "exited with status 4")
        #expect(try await message(of: ids[4], in: stack) == "killed by signal 11 (SEGV)")
        #expect(try await message(of: ids[5], in: stack) == "a\u{FFFD}b\u{FFFD}c")
        // Two seconds after SIGTERM.
        let duration = try await stack.sql(
            "SELECT extract(epoch FROM end_time - start_time) FROM jobs WHERE id = \(ids[1])")
        #expect((17..<25).contains(try #require(Double(duration))))
        // It was not waited for, although it holds the standard error.
        let left = try #require(Int32(String(contentsOfFile: daemon, encoding: .utf8).dropLast()))
        #expect(kill(left, SIGKILL) == 0)
        try FileManager.default.removeItem(atPath: daemon)

        #expect(try peakMemory(of: worker) - before < 8192, "kB")
        try await stack.wait(for: stack.create(8), "success")
        #expect(try await stack.pid(of: "job-worker:job-worker_00") == worker)
        #expect(try await stack.sql("SELECT max(attempt) FROM jobs") == "1")
        try await stack.remove()
    }

    private func message(of id: Int, in stack: Stack) async throws -> String? {
        var ended: Response?
        try await eventually(within: .seconds(40), "job \(id) has ended") {
            ended = try await stack.curl("/v1/jobs/\(id)")
            return try ended?.member("end_time") != nil
        }
        return try ended?.member("message")
    }

    /// The most memory that a process ever held, in kB.
    private func peakMemory(of pid: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let size = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
            throw TestFailure("no VmHWM in \(status)")
        }
        return size
    }
}
