import Glibc
import JobStorage
import JobWorker
import TestSupport
import Testing

/// What the end of a worker tells its supervisor.
@Suite(.timeLimit(.minutes(1))) struct WorkerExitTests {
    /// Ignores that it is cancelled.
    struct Stubborn: JobHandler {
        func run(_ job: Job) async { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    }

    @Test func `a worker that ends because a handler does not stop exits with 70`() async throws {
        let scratch = try Scratch()
        try scratch.sql("INSERT INTO jobs (object_id, status) VALUES (1, 'created')")
        try scratch.redis("XADD", "jobs", "*", "v", "1", "id", "1")
        let database = scratch.databaseURL
        let redis = "redis://127.0.0.1:\(scratch.redis.port)/\(scratch.redis.database)"
        await #expect(processExitsWith: .exitCode(70)) { [database = database as String, redis = redis as String] in
            setenv("DATABASE_URL", database, 1)
            setenv("REDIS_URL", redis, 1)
            setenv("JOB_TIMEOUT", "1", 1)
            Worker.run(Stubborn())
        }
        let message = try scratch.sql("SELECT message FROM jobs")
        #expect(message == ["job exceeded the timeout of 1 s"])
    }
}
