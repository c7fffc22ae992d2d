import Foundation
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(4))) struct ConcurrencyTests {
    /// 64 clients ask for the same 200 objects, all at once, through two processes of two responders each.
    @Test func givesEveryClientTheSameJob() async throws {
        let ledger = "/tmp/job-ledger-\(UUID().uuidString)"
        let stack = try await Stack([
            "JOB_COMMAND": "echo $JOB_ID >> \(ledger)", "FCGI": "2", "WORKERS": "2",
        ])
        let answers = try await withThrowingTaskGroup(of: [Int: Answer].self) { group in
            for _ in 0..<64 {
                group.addTask { try await ask(stack, for: (1...200).shuffled()) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 64)
        let first = try #require(answers.first)
        #expect(first.count == 200)
        #expect(answers.allSatisfy { $0.mapValues(\.body) == first.mapValues(\.body) })
        #expect(answers.flatMap(\.values).count { $0.status == "201" } == 200, "each job is new to one client")
        #expect(try await stack.sql("SELECT count(*) FROM jobs") == "200")
        try await eventually(within: .seconds(60), "all jobs succeed") {
            try await stack.sql("SELECT count(*) FROM jobs WHERE status = 'success'") == "200"
        }
        let runs = try String(contentsOfFile: ledger, encoding: .utf8).split(separator: "\n")
        #expect(runs.count == 200)
        #expect(Set(runs).count == 200)
        try await stack.remove()
        try FileManager.default.removeItem(atPath: ledger)
    }

    private struct Answer: Equatable {
        let body: String
        let status: String
    }

    /// One curl that asks for each object in turn; the answers by object.
    private func ask(_ stack: Stack, for objects: [Int]) async throws -> [Int: Answer] {
        let configuration = objects.map { object in
            """
            url = "\(stack.url("/v1/jobs"))"
            header = "Content-Type: application/json"
            data = "{\\"object_id\\":\(object)}"
            write-out = " \(object) %{http_code}\\n"
            silent
            """
        }.joined(separator: "\nnext\n")
        let result = try await Shell.run(["curl", "-K", "-"], input: configuration)
        guard result.status == 0 else { throw TestFailure(result.error) }
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(
            uniqueKeysWithValues: lines.compactMap { words in
                Int(words[1]).map { ($0, Answer(body: String(words[0]), status: String(words[2]))) }
            })
    }

    /// ab and wrk, for a few seconds: not one error.
    @Test func takesALoadWithoutAnError() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "2"])
        let body = stack.directory + ".json"
        try "{\"object_id\":1}".write(toFile: body, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: body) }
        let report = try await Shell.check([
            "ab", "-q", "-n", "5000", "-c", "64", "-k", "-p", body, "-T", "application/json",
            "http://127.0.0.1:\(stack.port)/v1/jobs",
        ])
        #expect(report.contains(#/Complete requests:\s+5000\n/#))
        #expect(report.contains(#/Failed requests:\s+0\n/#))
        #expect(!report.contains("Non-2xx"))
        let script = stack.directory + ".lua"
        defer { try? FileManager.default.removeItem(atPath: script) }
        try """
        function init() math.randomseed(os.time()) end
        function request()
            if math.random(2) == 1 then return wrk.format("GET", "/v1/jobs/1") end
            return wrk.format("POST", "/v1/jobs", {["Content-Type"] = "application/json"},
                '{"object_id":' .. math.random(1, 2000000000) .. '}')
        end
        """.write(toFile: script, atomically: true, encoding: .utf8)
        let load = try await Shell.check([
            "wrk", "-t2", "-c256", "-d3s", "-s", script, "http://127.0.0.1:\(stack.port)",
        ])
        #expect(!load.contains("Non-2xx") && !load.contains("Socket errors"), "\(load)")
        try await stack.remove()
    }
}
