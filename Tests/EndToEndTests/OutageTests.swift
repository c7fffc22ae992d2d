import Foundation
import TestSupport
import Testing

/// What waits while Redis is away.
@Suite(.serialized, .timeLimit(.minutes(4))) struct OutageTests {
    /// Nobody fetches: so what is in the stream is all that was ever announced.
    @Test func announcesABacklogAndThenNoMore() async throws {
        let goOn = "/tmp/job-go-on-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: goOn) }
        let stack = try await Stack([
            "JOB_COMMAND": "until test -e \(goOn); do sleep 0.1; done", "JOB_PREFETCH": "1", "JOB_TIMEOUT": "300",
            "WORKERS": "2", "FCGI": "1",
        ])
        for object in 1...22 { _ = try await stack.create(object) }
        try await stack.supervisor("stop redis")
        for object in 23...42 { _ = try await stack.create(object) }
        try await stack.supervisor("start redis")
        try await eventually(within: .seconds(15), "all that wait are announced") {
            try await announced(in: stack).count == 40
        }
        let round = try #require(Int(try await stack.sql("SELECT round FROM reconciliation")))
        // Two turns after a batch of the outage is old enough, whoever announced it before.
        try await eventually(within: .seconds(30), "the reconciler has had its turns") {
            try await stack.sql("SELECT round > \(round) + 4 FROM reconciliation") == "t"
        }
        let counts = try await announced(in: stack)
        #expect(counts.count == 40)
        #expect(counts.values.max() ?? 0 <= 2, "\(counts)")
        #expect(try await stack.sql("SELECT count(*) FROM announcements") == "0")
        try "".write(toFile: goOn, atomically: true, encoding: .utf8)
        for id in [1, 22, 42] { try await stack.wait(for: id, "success") }
        try await stack.remove()
    }

    /// How many messages each job has.
    private func announced(in stack: Stack) async throws -> [Substring: Int] {
        let fields = try await stack.redis("xrange jobs - +").split(separator: "\n")
        // Five lines a message: its id, `v`, the version, `id` and the job.
        let jobs = stride(from: 4, to: fields.count, by: 5).map { fields[$0] }
        return Dictionary(jobs.map { ($0, 1) }, uniquingKeysWith: +)
    }
}
