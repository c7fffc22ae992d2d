import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct LockTests {
    /// A worker that may hold one job only.
    @Test func `a job that waits, and whose row is locked, holds no other up`() async throws {
        let stack = try await Stack(["WORKERS": "1", "JOB_PREFETCH": "1", "JOB_COMMAND": "true"])
        try await stack.supervisor("stop job-worker:*")
        let locked = try await stack.create(1)
        let session = "BEGIN; SELECT 1 FROM jobs WHERE id = \(locked) FOR UPDATE; SELECT pg_sleep(600)"
        async let psql = stack.sql(session)
        try await eventually("the row is locked") {
            try await stack.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
        }
        try await stack.supervisor("start job-worker:*")
        // After five seconds the locked job's message comes again, and again.
        for object in 2...8 {
            try await stack.wait(for: try await stack.create(object), "success")
            try await Task.sleep(for: .seconds(2))
        }
        #expect(try await stack.sql("SELECT status FROM jobs WHERE id = \(locked)") == "created")
        try await stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        _ = try? await psql
        try await eventually(within: .seconds(20)) {
            try await stack.sql("SELECT status || attempt FROM jobs WHERE id = \(locked)") == "success1"
        }
        try await stack.remove()
    }
}
