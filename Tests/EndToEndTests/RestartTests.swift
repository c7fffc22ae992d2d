import Foundation
import Glibc
import TestSupport
import Testing

/// What an operator does on purpose.
@Suite(.serialized, .timeLimit(.minutes(4))) struct RestartTests {
    @Test func handsUnfinishedJobsBackWhenItStops() async throws {
        let goOn = "/tmp/job-go-on-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: goOn) }
        let stack = try await Stack([
            "JOB_COMMAND": "test -e \(goOn) || sleep 60", "JOB_CONCURRENCY": "1", "JOB_PREFETCH": "3",
            "JOB_SHUTDOWN_GRACE": "1",
            "WORKERS": "1",
        ])
        // One more than the worker may hold.
        for object in 1...4 { _ = try await stack.create(object) }
        try await eventually { try await stack.sql("SELECT count(*) FROM jobs WHERE status = 'running'") == "3" }
        #expect(try await stack.sql("SELECT status FROM jobs WHERE id = 4") == "created")
        try await stack.supervisor("stop job-worker:*")
        #expect(try await stack.sql("SELECT string_agg(status, ' ') FROM jobs") == "created created created created")
        #expect(try await stack.sql("SELECT max(lost) FROM jobs") == "0")
        try "".write(toFile: goOn, atomically: true, encoding: .utf8)
        try await stack.supervisor("start job-worker:*")
        for id in 1...4 { try await stack.wait(for: id, "success") }
        try await stack.remove()
    }

    /// A message that stays would be announced again, for nothing.
    @Test func leavesNoMessageOfAFinishedJobWhenItStops() async throws {
        let stack = try await Stack(["JOB_COMMAND": "sleep 1", "WORKERS": "1"])
        let id = try await stack.create(1)
        try await stack.wait(for: id, "running")
        try await stack.supervisor("stop job-worker:*")
        try await stack.wait(for: id, "success")
        #expect(try await stack.redis("xlen jobs") == "0")
        try await stack.remove()
    }

    @Test func endsAtOnceWhenItIsToldTwice() async throws {
        let nap = 70_000 + Int.random(in: 0..<10_000)
        let stack = try await Stack(["JOB_COMMAND": "sleep \(nap)", "JOB_SHUTDOWN_GRACE": "60", "WORKERS": "1"])
        try await stack.wait(for: try await stack.create(1), "running")
        let worker = try await stack.pid(of: "job-worker:job-worker_00")
        kill(worker, SIGTERM)
        try await eventually { try stack.log(of: "job-worker_00").contains("shutting down") }
        kill(worker, SIGTERM)
        try await eventually(within: .seconds(5), "worker and command are gone") {
            let isGone = kill(worker, 0) != 0
            return try await Shell.run(["pgrep", "-fx", "sleep \(nap)"]).status != 0 && isGone
        }
        try await stack.remove()
    }

    @Test func keepsItsStateOverARestart() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let id = try await stack.create(7)
        try await stack.stop()
        let again = try await Stack(["JOB_COMMAND": "true", "WORKERS": "1", "FCGI": "1"], directory: stack.directory)
        #expect(try await again.create(7) == id)
        try await again.wait(for: id, "success")
        try await again.remove()
    }

    /// The only job-fcgi and its standby are told to stop in turn, under load: no client notices.
    @Test func isReplacedUnderLoad() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        _ = try await stack.create(1)
        let load = Task.detached {
            try await Shell.check([
                "wrk", "-t1", "-c16", "-d6s", stack.url("/v1/jobs/1").replacing("localhost", with: "127.0.0.1"),
            ])
        }
        for _ in 0..<2 {
            try await stack.supervisor("restart job-fcgi:job-fcgi_00")
            try await stack.supervisor("restart job-fcgi-standby:job-fcgi-standby")
        }
        let report = try await load.value
        #expect(!report.contains("Socket errors") && !report.contains("Non-2xx"), "\(report)")
        #expect(report.contains("requests in"))
        try await stack.remove()
    }
}
