import JobStorage
import Jobs
import Service
import TestSupport
import Testing

@testable import JobWorker

@Suite(.timeLimit(.minutes(2))) struct ReconcilerTests {
    let scratch: Scratch
    let store: JobStore
    let stream: JobStream
    let reconciler: Reconciler

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
        stream = scratch.stream()
        var environment = Environment([
            "DATABASE_URL": scratch.databaseURL,
            "REDIS_URL": "redis://127.0.0.1:\(scratch.redis.port)/\(scratch.redis.database)", "JOB_LEASE": "1",
        ])
        let settings = WorkerSettings(&environment)
        #expect(environment.faults.isEmpty)
        reconciler = Reconciler(
            settings, watched: { JobStore.Watched(now: Timestamp(microseconds: .max / 2), seconds: 3600) },
            fallback: Fallback(), stop: try Wakeup(), log: Log(label: "tests", sink: MemorySink()))
        #expect(try stream.makeGroup())
        // The first turn ever looks at everything.
        try turn()
    }

    func turn() throws {
        try scratch.sql("UPDATE reconciliation SET next_at = '-infinity'")
        try reconciler.take(try #require(try store.takeTurn(hold: 60, lease: 10)))
    }

    /// Jobs that wait as they should: committed, announced, struck out; made `age` ago.
    func announcedJobs(_ count: Int32, age: String = "1 hour") throws -> [JobID] {
        var announcer = AnnouncerID.random()
        let objects = (1...count).map { ObjectID(rawValue: $0) }
        let ids = try store.create(objects, window: 300, announcer: &announcer).values.map(\.id).sorted()
        try stream.announce(ids)
        try stream.confirm()
        try store.forget([announcer])
        try scratch.sql("UPDATE jobs SET created_at = created_at - interval '\(age)'")
        return ids
    }

    func inStream() throws -> [JobID] { try stream.messages(after: .zero, count: 10_000).compactMap(\.jobID) }

    @Test func takesTurns() throws {
        #expect(try store.takeTurn(hold: 60, lease: 10) == nil)
        try scratch.sql("UPDATE reconciliation SET next_at = now()")
        let round = try #require(try store.takeTurn(hold: 60, lease: 10)).round
        try scratch.sql("UPDATE reconciliation SET next_at = now()")
        #expect(try store.takeTurn(hold: 60, lease: 10)?.round == round + 1)
    }

    @Test func announcesNoneOfManyThatWaitNormally() throws {
        let ids = try announcedJobs(5000)
        for _ in 0..<3 { try turn() }
        #expect(try inStream() == ids)
    }

    @Test func announcesWhatAnAnnouncerLeft() throws {
        var announcer = AnnouncerID.random()
        let created = try store.create([1, 2].map(ObjectID.init), window: 300, announcer: &announcer)
        try turn()
        #expect(try inStream().isEmpty, "a fresh batch is its announcer's")
        try scratch.sql("UPDATE announcements SET created_at = created_at - interval '6 seconds'")
        try scratch.sql("UPDATE jobs SET created_at = created_at - interval '6 seconds'")
        try turn()
        #expect(try inStream().sorted() == created.values.map(\.id).sorted())
        try turn()
        #expect(try inStream().count == 2)
    }

    @Test func announcesEverythingAgainAfterAFlush() throws {
        let ids = try announcedJobs(2500)
        _ = try store.claim(Array(ids[..<100]), lease: 60)
        try scratch.redis("FLUSHDB")
        // A new job is there before anybody looks.
        var announcer = AnnouncerID.random()
        let new = try store.create([ObjectID(rawValue: -1)], window: 300, announcer: &announcer).values.map(\.id)
        try stream.announce(new)
        try stream.confirm()
        try turn()
        #expect(try inStream().sorted() == ids[100...] + new)
        try turn()
        #expect(try inStream().count == 2401)
    }

    @Test func announcesOnceWhatWaitedForRedis() throws {
        let ids = try announcedJobs(10)
        var announcer = AnnouncerID.random()
        let missed = try store.create([-1, -2].map(ObjectID.init), window: 300, announcer: &announcer).values.map(\.id)
        try scratch.sql("UPDATE announcements SET created_at = created_at - interval '6 seconds'")
        try scratch.redis("FLUSHDB")
        for _ in 0..<2 { try turn() }
        #expect(try inStream().sorted() == ids + missed.sorted())
    }

    @Test func announcesWhatAnOlderStateOfRedisLacks() throws {
        let ids = try announcedJobs(10)
        try turn()
        // As after a restore: the mark and the stream are those of some turns ago.
        let last = try stream.messages(after: .zero, count: 100).suffix(4).map(\.streamID)
        try stream.acknowledge(last)
        try scratch.redis("SET", "jobs:reconciled", "1")
        try turn()
        #expect(try inStream().sorted() == ids)
    }

    @Test func announcesWhatAnotherServerLacks() throws {
        let ids = try announcedJobs(10)
        try stream.acknowledge(try stream.messages(after: .zero, count: 5).map(\.streamID))
        try scratch.sql("UPDATE reconciliation SET redis_run_id = 'another'")
        try turn()
        #expect(try inStream().sorted() == ids)
    }

    @Test func announcesWhateverWaitsBesideAnEmptyStream() throws {
        let ids = try announcedJobs(3)
        try stream.acknowledge(try stream.messages(after: .zero, count: 5).map(\.streamID))
        try turn()
        #expect(try inStream() == ids)
    }

    @Test func bringsBackTheJobsOfALostWorker() throws {
        let ids = try announcedJobs(3)
        try stream.acknowledge(try stream.messages(after: .zero, count: 5).map(\.streamID))
        let claims = try store.claim(ids, lease: 60)
        try scratch.sql("UPDATE jobs SET lease_expires_at = now() - interval '1 ms' WHERE id <> \(ids[0])")
        try turn()
        #expect(try inStream() == Array(ids[1...]))
        #expect(try store.finish(claims.map { .success($0) }) == [claims[0]])
    }

    /// A batch that was written down and announced, whose messages somebody has fetched, while the database was away: there are
    /// three reasons to announce its jobs.
    @Test func `a job is announced once in a turn, whatever the reasons`() async throws {
        var announcer = AnnouncerID.random()
        let ids = try store.create([1, 2].map(ObjectID.init), window: 300, announcer: &announcer).values.map(\.id)
            .sorted()
        try scratch.sql("UPDATE announcements SET created_at = created_at - interval '6 s'")
        try stream.announce(ids)
        try stream.confirm()
        try stream.fetch(count: 10, wait: .milliseconds(50), acknowledging: [])
        try await eventually { try stream.fetched()?.count == 2 }
        try await Task.sleep(for: .seconds(5.1))
        try scratch.redis("SET", "jobs:reconciled", "1")
        try turn()
        #expect(try inStream() == ids)
    }

    /// The older state is so young that no turn was between: neither the mark nor the round tells.
    @Test func `what waits again after a restore is announced, though the mark is the same`() throws {
        let ids = try announcedJobs(3)
        try turn()
        // A worker took all of them, and then the database went back to before that.
        try stream.acknowledge(try stream.messages(after: .zero, count: 10).map(\.streamID))
        try stream.announce([JobID(rawValue: 1_000_000)])
        try stream.confirm()
        try turn()
        #expect(try inStream() == [JobID(rawValue: 1_000_000)], "nothing tells of it")
        try scratch.sql(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'job-worker reconciler'
            """)
        try turn()
        #expect(try inStream() == [JobID(rawValue: 1_000_000)] + ids)
        try turn()
        #expect(try inStream().count == 4)
    }

    /// The heartbeat has not yet seen that the clock was set ahead: leases of before end only after a new watch.
    @Test func `a turn right after the clock was set ahead leaves no lease behind`() throws {
        let ids = try announcedJobs(1)
        _ = try store.claim(ids, lease: 10)
        var environment = Environment([
            "DATABASE_URL": scratch.databaseURL,
            "REDIS_URL": "redis://127.0.0.1:\(scratch.redis.port)/\(scratch.redis.database)",
        ])
        let settings = WorkerSettings(&environment)
        let before = try store.renew([], lease: 10).now
        // As if all stamps were an hour older.
        try scratch.sql("UPDATE jobs SET lease_expires_at = lease_expires_at - interval '1 hour'")
        let old = JobStore.Watched(now: Timestamp(microseconds: before.microseconds - 3_600_000_000), seconds: 3600)
        let stop = try Wakeup()
        let unaware = Reconciler(
            settings, watched: { old }, fallback: Fallback(), stop: stop, log: Log(label: "tests", sink: MemorySink()))
        try scratch.sql("UPDATE reconciliation SET next_at = '-infinity', round = 1")
        try unaware.take(try #require(try store.takeTurn(hold: 60, lease: 10)))
        #expect(try store.find(ids)[ids[0]]?.status == .running)
        try scratch.sql("UPDATE reconciliation SET next_at = '-infinity', round = 3")
        try reconciler.take(try #require(try store.takeTurn(hold: 60, lease: 10)))
        #expect(try store.find(ids)[ids[0]]?.status == .created)
    }

    /// A turn that found the stream flushed dies before it has looked for what is missing: the next one does it.
    @Test func looksAgainAfterATurnThatWasCutShort() throws {
        let ids = try announcedJobs(2)
        try turn()
        try scratch.redis("FLUSHDB")
        #expect(try stream.makeGroup())
        try stream.announce([ids[0]])
        try stream.confirm()
        try scratch.sql("UPDATE reconciliation SET next_at = '-infinity'")
        _ = try stream.mark(round: try #require(try store.takeTurn(hold: 60, lease: 10)).round)
        try turn()
        #expect(try Set(inStream()) == Set(ids))
    }

    @Test func announcesWhatADeadWorkerHadFetched() async throws {
        let ids = try announcedJobs(2)
        let first = try stream.messages(after: .zero, count: 10).map(\.streamID)
        try stream.fetch(count: 10, wait: .milliseconds(50), acknowledging: [])
        try await eventually { try stream.fetched()?.count == 2 }
        try await eventually(within: .seconds(60)) {
            try turn()
            return try Set(stream.messages(after: .zero, count: 10).map(\.streamID)).isDisjoint(with: first)
        }
        #expect(try inStream() == ids)
    }
}
