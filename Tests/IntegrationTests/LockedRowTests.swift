import JobStorage
import Jobs
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct LockedRowTests {
    let scratch: Scratch
    /// As a worker or a responder has it: short waits for locks.
    let store: JobStore
    /// Somebody's psql.
    let psql: Connection

    init() throws {
        scratch = try Scratch()
        store = JobStore(
            Database(
                url: scratch.databaseURL, name: "tests", timeout: .seconds(20), lockTimeout: .milliseconds(100)))
        psql = try scratch.connection()
        try psql.run("SET idle_in_transaction_session_timeout = 0")
    }

    func lock(_ id: JobID) throws { try psql.run("BEGIN; SELECT 1 FROM jobs WHERE id = \(id) FOR UPDATE") }
    func unlock() throws { try psql.run("ROLLBACK") }

    @Test func `a locked row costs no other claim its lease`() throws {
        let claims = try store.claim(try store.jobs(3), lease: 10)
        try lock(claims[1].id)
        let ends = "SELECT string_agg((lease_expires_at > now() + interval '50 s')::text, ' ' ORDER BY id) FROM jobs"
        let beat = try store.renew(claims, lease: 60)
        #expect(beat.held == Set(claims), "a locked claim still holds")
        #expect(beat.locked == [claims[1]])
        #expect(try scratch.sql(ends) == ["true false true"])
        try unlock()
        #expect(try store.renew(claims, lease: 60).locked.isEmpty)
        #expect(try scratch.sql(ends) == ["true true true"])
    }

    @Test func `a locked row delays only its own outcome and its own claim`() throws {
        let ids = try store.jobs(6)
        let claims = try store.claim(Array(ids[..<3]), lease: 10)
        try psql.run("BEGIN; SELECT 1 FROM jobs WHERE id IN (\(ids[1]), \(ids[4])) FOR UPDATE")
        let exchange = try store.exchange(claims.map { .success($0) }, for: Array(ids[3...]), lease: 10)
        #expect(exchange.finished == [claims[0], claims[2]])
        #expect(exchange.claims.map(\.id) == [ids[3], ids[5]])
        #expect(exchange.deferredOutcomes == [claims[1]])
        #expect(exchange.deferredJobs == [ids[4]])
        try unlock()
        let later = try store.exchange([.success(claims[1])], for: [ids[4]], lease: 10)
        #expect(later.finished == [claims[1]])
        #expect(later.claims.map(\.id) == [ids[4]])
    }

    @Test func `a locked row is handed back later than the others`() throws {
        let claims = try store.claim(try store.jobs(2), lease: 10)
        try lock(claims[0].id)
        var announcer = AnnouncerID.random()
        let (waiting, locked) = try store.release(claims, announcer: &announcer)
        #expect(waiting == [claims[1].id])
        #expect(locked == [claims[0]])
        try unlock()
        #expect(try store.release([claims[0]], announcer: &announcer).waiting == [claims[0].id])
    }

    @Test func `an outcome that PostgreSQL refuses costs only its own job`() throws {
        let claims = try store.claim(try store.jobs(20), lease: 10)
        try scratch.sql("ALTER TABLE jobs ADD CHECK (id <> \(claims[7].id) OR status <> 'success')")
        let waiting = try {
            var announcer = AnnouncerID.random()
            return try store.create([ObjectID(rawValue: -1)], window: 300, announcer: &announcer).values.map(\.id)
        }()
        let exchange = try store.exchange(claims.map { .success($0) }, for: waiting, lease: 10)
        #expect(exchange.finished == Set(claims).subtracting([claims[7]]))
        #expect(exchange.deferredOutcomes == [claims[7]])
        #expect(exchange.refusal?.sqlState == SQLState("23514"))
        #expect(exchange.claims.map(\.id) == waiting)
    }

    @Test func `a locked window costs only its own object`() throws {
        var announcer = AnnouncerID.random()
        let objects = (1...3).map { ObjectID(rawValue: $0) }
        let first = try store.create(objects, window: 300, announcer: &announcer)
        try scratch.sql("UPDATE windows SET created_at = created_at - interval '1 hour' WHERE object_id < 3")
        try psql.run("BEGIN; SELECT 1 FROM windows WHERE object_id IN (1, 3) FOR UPDATE")
        let second = try store.create(objects, window: 300, announcer: &announcer)
        #expect(second[objects[0]] == nil, "its window is over, and locked")
        #expect(second[objects[1]]?.isNew == true)
        #expect(second[objects[2]]?.id == first[objects[2]]?.id, "an open window needs no lock")
        let began = ContinuousClock.now
        for _ in 0..<20 { #expect(try store.create(objects, window: 300, announcer: &announcer).count == 2) }
        #expect(began.duration(to: .now) < .seconds(1.5), "it waits for the lock again and again")
        try unlock()
        #expect(try store.create(objects, window: 300, announcer: &announcer)[objects[0]]?.isNew == true)
    }

    /// Nobody could renew it, so that it says nothing of its worker.
    @Test func `a lease that ended behind a lock begins once more, and then ends`() throws {
        let claim = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        try scratch.sql("UPDATE jobs SET lease_expires_at = now() - interval '11 s'")
        let first = try store.expire()
        #expect(first.waiting.isEmpty)
        #expect(first.left == 1)
        #expect(try store.renew([claim], lease: 10).held == [claim])
        try scratch.sql("UPDATE jobs SET lease_expires_at = now() - interval '9 s'")
        #expect(try store.expire().waiting == [claim.id])
    }

    @Test func `a lease that ended before anybody watched ends, however long ago`() throws {
        let claim = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        try scratch.sql("UPDATE jobs SET lease_expires_at = now() - interval '61 s'")
        #expect(try store.expire(watchedFor: 60).waiting == [claim.id])
    }
}
