import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(4))) struct FaultTests {
    @Test func runsAKilledWorkersJobOnAnother() async throws {
        // The first run is long enough to be found on a slow machine.
        let stack = try await Stack(["JOB_COMMAND": "sleep $((JOB_ATTEMPT == 1 ? 25 : 0))", "WORKERS": "2"])
        let id = try await stack.create(1)
        let first = try await stack.wait(for: id, "running")
        let worker = try await runner(of: stack)
        // By the database's clock, so that only the service's own time counts.
        let killed = try await stack.sql("SELECT timezone('utc', clock_timestamp())")
        kill(worker, SIGKILL)
        try await eventually(within: .seconds(60), "the job runs again") {
            try await stack.sql("SELECT attempt FROM jobs WHERE status <> 'created'") == "2"
        }
        #expect(try await stack.sql("SELECT start_time - '\(killed)' < interval '15 seconds' FROM jobs") == "t")
        let ended = try await stack.wait(for: id, "success")
        #expect(try ended.member("start_time") != first.member("start_time"))
        #expect(try await stack.sql("SELECT attempt || ' ' || lost FROM jobs") == "2 1")
        try await stack.remove()
    }

    /// The worker that runs the stack's only command.
    private func runner(of stack: Stack) async throws -> Int32 {
        var busy: [Int32] = []
        for number in 0...1 {
            let worker = try await stack.pid(of: "job-worker:job-worker_0\(number)")
            if try await Shell.run(["pgrep", "-P", "\(worker)", "-x", "sh"]).status == 0 { busy.append(worker) }
        }
        guard busy.count == 1 else { throw TestFailure("\(busy.count) workers run a command") }
        return busy[0]
    }

    @Test func losesNothingToAFlushOfRedis() async throws {
        let ledger = "/tmp/job-ledger-\(UUID().uuidString)"
        let stack = try await Stack(["JOB_COMMAND": "echo $JOB_ID >> \(ledger)", "WORKERS": "2", "FCGI": "1"])
        try await stack.supervisor("stop job-worker:*")
        for object in 1...1000 where object.isMultiple(of: 100) {
            let objects = (object - 99...object).map { "{\"object_id\":\($0)}" }
            try await postAll(stack, objects)
        }
        #expect(try await stack.redis("xlen jobs") == "1000")
        try await stack.redis("flushall")
        try await stack.supervisor("start job-worker:*")
        try await eventually(within: .seconds(60), "all jobs succeed") {
            try await stack.sql("SELECT count(*) FROM jobs WHERE status = 'success'") == "1000"
        }
        let runs = try String(contentsOfFile: ledger, encoding: .utf8).split(separator: "\n")
        #expect(runs.count == 1000)
        #expect(Set(runs).count == 1000)
        try await stack.remove()
        try FileManager.default.removeItem(atPath: ledger)
    }

    private func postAll(_ stack: Stack, _ bodies: [String]) async throws {
        let configuration = bodies.map { body in
            """
            url = "\(stack.url("/v1/jobs"))"
            header = "Content-Type: application/json"
            data = "\(body.replacingOccurrences(of: "\"", with: "\\\""))"
            silent
            fail
            """
        }.joined(separator: "\nnext\n")
        let result = try await Shell.run(["curl", "-K", "-"], input: configuration)
        guard result.status == 0 else { throw TestFailure(result.error) }
    }

    @Test func goesOnWithoutRedis() async throws {
        let stack = try await Stack(["JOB_COMMAND": "true", "WORKERS": "1", "FCGI": "1"])
        try await stack.supervisor("stop redis")
        for object in 1...3 {
            let began = ContinuousClock.now
            let id = try await stack.create(object)
            #expect(ContinuousClock.now - began < .seconds(1))
            try await stack.wait(for: id, "success", within: .seconds(5))
        }
        #expect(try await stack.curl("/readyz").member("redis") == "unavailable")
        try await stack.supervisor("start redis")
        try await eventually("the announcements of the outage are settled") {
            try await stack.sql("SELECT count(*) FROM announcements") == "0"
        }
        try await stack.wait(for: stack.create(4), "success")
        try await stack.remove()
    }

    /// Redis answers what it is asked for, and takes nothing: no job is announced, and no fetch fails.
    @Test func runsJobsWhileRedisIsFull() async throws {
        let stack = try await Stack(["JOB_COMMAND": "true", "WORKERS": "2", "FCGI": "1"])
        try await stack.redis("config set maxmemory 1")
        for object in 1...3 { try await stack.wait(for: stack.create(object), "success") }
        #expect(try await stack.redis("xlen jobs") == "0")
        #expect(try !stack.log(of: "job-worker_00").contains("Redis is away"))
        try await stack.remove()
    }

    /// While there are always more jobs to be found in PostgreSQL.
    @Test func goesBackToRedisInTheMiddleOfABacklog() async throws {
        let stack = try await Stack(["JOB_COMMAND": "sleep 0.2", "JOB_PREFETCH": "2", "WORKERS": "1", "FCGI": "1"])
        try await stack.supervisor("stop redis")
        try await postAll(stack, (1...400).map { "{\"object_id\":\($0)}" })
        try await eventually { try stack.log(of: "job-worker_00").contains("Redis is away") }
        try await stack.supervisor("start redis")
        try await eventually(within: .seconds(5)) { try stack.log(of: "job-worker_00").contains("Redis is back") }
        #expect(try await stack.sql("SELECT count(*) > 0 FROM jobs WHERE status = 'created'") == "t")
        try await stack.remove()
    }

    @Test func saysThatPostgreSQLIsAwayAndComesBackWithIt() async throws {
        let stack = try await Stack(["JOB_COMMAND": "sleep 1", "WORKERS": "1", "FCGI": "1"])
        let id = try await stack.create(1)
        try await stack.wait(for: id, "running")
        try await stack.supervisor("stop postgres")
        for response in try await [stack.post("{\"object_id\":2}"), stack.curl("/v1/jobs/1"), stack.curl("/readyz")] {
            #expect(response.status == 503)
            #expect(response.headers["retry-after"] == "1")
            #expect(response.headers["content-type"] == "application/problem+json")
            #expect(!response.body.contains("SQLSTATE"))
        }
        #expect(try await stack.curl("/healthz").status == 200)
        // The job ends meanwhile; its worker keeps the outcome.
        try await Task.sleep(for: .seconds(1.5))
        try await stack.supervisor("start postgres")
        try await eventually(within: .seconds(2), "jobs are taken again") {
            try await stack.post("{\"object_id\":2}").status == 201
        }
        try await stack.wait(for: id, "success")
        #expect(
            try await stack.sql("SELECT attempt FROM jobs WHERE id = \(id)") == "1",
            "the outcome was kept, not run for again")
        try await stack.remove()
    }

    @Test func announcesWhatACrashedProcessCommitted() async throws {
        let stack = try await Stack(["JOB_COMMAND": "true", "WORKERS": "1", "FCGI": "1"])
        // What a job-fcgi leaves that is killed between its commit and its message.
        try await stack.sql(
            """
            WITH job AS (INSERT INTO jobs (object_id, status) VALUES (1, 'created') RETURNING id)
            INSERT INTO announcements SELECT 1, array_agg(id), clock_timestamp() FROM job
            """)
        try await stack.wait(for: 1, "success", within: .seconds(10))
        try await stack.remove()
    }
}
