import TestSupport
import Testing

/// What a job runs, seen from outside.
@Suite(.timeLimit(.minutes(3))) struct CommandTests {
    @Test func failsWhatTheCommandFails() async throws {
        let command = "test $((JOB_OBJECT_ID % 2)) = 0 || { echo odd >&2; exit 3; }"
        let stack = try await Stack(["JOB_COMMAND": command, "WORKERS": "1", "FCGI": "1"])
        let ids = try (10..<20).map { try stack.create($0) }
        for (object, id) in zip(10..<20, ids) {
            let job = try await stack.wait(for: id, object.isMultiple(of: 2) ? "success" : "failed")
            #expect(try job.member("message") == (object.isMultiple(of: 2) ? nil : "odd"))
        }
        try stack.remove()
    }

    @Test func stopsWhatExceedsItsTime() async throws {
        // A number of seconds by which to know these processes.
        let nap = 60_000 + Int.random(in: 0..<10_000)
        let command = "sleep \(nap) & sleep \(nap)"
        let stack = try await Stack(["JOB_COMMAND": command, "JOB_TIMEOUT": "2", "WORKERS": "1", "FCGI": "1"])
        func sleepers() throws -> Bool { try Shell.run(["pgrep", "-fx", "sleep \(nap)"]).status == 0 }
        let id = try stack.create(1)
        try await eventually("the command runs") { try sleepers() }
        let job = try await stack.wait(for: id, "failed")
        #expect(try job.member("message") == "job exceeded the timeout of 2 s")
        #expect(try stack.sql("SELECT end_time - start_time BETWEEN '2 s' AND '3.5 s' FROM jobs") == "t")
        #expect(try !sleepers())
        try stack.remove()
    }
}
