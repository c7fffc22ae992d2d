import Jobs
import Postgres
import TestSupport
import Testing

@testable import JobStorage

/// Behind a long snapshot (pg_dump) dead index entries stay. What is looked for again and again must not read them again and
/// again.
@Suite(.timeLimit(.minutes(2))) struct LongSnapshotTests {
    let scratch: Scratch
    let store: JobStore

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
    }

    /// How many entries of the indexes that looks use have been read.
    func entriesRead() throws -> Int {
        let text = try scratch.sql(
            """
            SELECT pg_stat_force_next_flush();
            SELECT sum(idx_tup_read)::text FROM pg_stat_user_indexes
            WHERE indexrelname IN (
                'jobs_created_idx', 'jobs_waiting_again_idx', 'jobs_lease_idx', 'announcements_created_at_idx')
            """)
        return try #require(Int(text[0]))
    }

    /// How many entries `looks` read. A session reports that when it ends.
    func cost(of looks: (JobStore) throws -> Void) async throws -> Int {
        let before = try entriesRead()
        let store = JobStore(Database(url: scratch.databaseURL, name: "looks"))
        try looks(store)
        store.database.close()
        try await eventually("the session is over") {
            try scratch.sql("SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'looks'") == ["0"]
        }
        return try entriesRead() - before
    }

    @Test func `no look reads what a long snapshot keeps`() async throws {
        let snapshot = try scratch.connection()
        try snapshot.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM jobs")
        var announcer = AnnouncerID.random()
        for round in Int32(0)..<10 {
            let objects = (1...200).map { ObjectID(rawValue: round * 1000 + $0) }
            let ids = try store.create(objects, window: 300, announcer: &announcer).values.map(\.id)
            _ = try store.finish(try store.claim(ids, lease: 1).map { .success($0) })
            try store.forget([announcer])
        }
        try scratch.sql("UPDATE jobs SET created_at = created_at - interval '1 minute'")
        while try store.raiseWaitingFrom(over: 100) {}
        try scratch.sql(
            "UPDATE reconciliation SET leases_looked_at = now() + interval '3 s', outbox_looked_at = now(), round = 1")
        try scratch.sql("SELECT pg_sleep(3.1); UPDATE announcements SET created_at = created_at - interval '1 minute'")
        // The planner takes an index for small that has only dead entries.
        try scratch.sql("ANALYZE jobs")
        let turn = try #require(try store.takeTurn(hold: 5))
        let watched = JobStore.Watched(now: turn.start, seconds: 3600)
        let read = try await cost { store in
            // Plans are made for good after five calls.
            for _ in 0..<8 {
                #expect(try store.waitingLong(age: 5, limit: 10, fromBeginning: false).isEmpty)
                #expect(try store.claimWaiting(limit: 10, lease: 10, fromBeginning: false).isEmpty)
                _ = try store.raiseWaitingFrom(over: 100)
                let expiry = try store.expire(
                    watched: watched, lease: 1, maxLosses: 5, since: turn.leasesSince, limit: 100, announcer: &announcer
                )
                #expect(expiry.waiting.isEmpty)
                #expect(try store.unannounced(age: 0, since: turn.outboxSince, limit: 10).isEmpty)
            }
        }
        #expect(read < 200)
        let all = try await cost { _ = try $0.claimWaiting(limit: 10, lease: 10, fromBeginning: true) }
        #expect(all >= 2000, "the entries are there")
    }
}
