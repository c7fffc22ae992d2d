import Foundation
import TestSupport
import Testing

/// What a job runs, seen from outside.
@Suite(.serialized, .timeLimit(.minutes(4))) struct CommandTests {
    @Test func failsWhatTheCommandFails() async throws {
        let line = try #require(try Page("docs/handlers.md").commands.first)
        let command = line.components(separatedBy: "'")[1]
        let stack = try await Stack(["JOB_COMMAND": command, "WORKERS": "1", "FCGI": "1"])
        for object in 10..<20 {
            let id = try await stack.create(object)
            let job = try await stack.wait(for: id, object.isMultiple(of: 2) ? "success" : "failed")
            #expect(try job.member("message") == (object.isMultiple(of: 2) ? nil : "odd"))
        }
        try await stack.remove()
    }

    @Test func stopsWhatExceedsItsTime() async throws {
        // A number of seconds by which to know these processes.
        let nap = 60_000 + Int.random(in: 0..<10_000)
        let command = "sleep \(nap) & sleep \(nap)"
        let stack = try await Stack(["JOB_COMMAND": command, "JOB_TIMEOUT": "2", "WORKERS": "1", "FCGI": "1"])
        func sleepers() async throws -> Bool { try await Shell.run(["pgrep", "-fx", "sleep \(nap)"]).status == 0 }
        let id = try await stack.create(1)
        try await eventually("the command runs") { try await sleepers() }
        let job = try await stack.wait(for: id, "failed")
        #expect(try job.member("message") == "job exceeded the timeout of 2 s")
        #expect(try await stack.sql("SELECT end_time - start_time BETWEEN '2 s' AND '3.5 s' FROM jobs") == "t")
        #expect(try await !sleepers())
        try await stack.remove()
    }
}
