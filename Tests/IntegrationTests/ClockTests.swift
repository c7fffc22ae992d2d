import JobStorage
import Jobs
import TestSupport
import Testing

/// What a step of the database's clock does to stored stamps. A step ahead by an hour makes them an hour older, a step back an
/// hour younger: the stamps are moved here, and not the clock.
@Suite(.timeLimit(.minutes(2))) struct ClockTests {
    let scratch: Scratch
    let store: JobStore

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
    }

    func job() throws -> JobID {
        var announcer = AnnouncerID.random()
        let created = try store.create([ObjectID(rawValue: 1)], window: 300, announcer: &announcer)
        return try #require(created.values.first).id
    }

    func claim(lease: Int = 10) throws -> Claim { try #require(try store.claim([try job()], lease: lease).first) }

    func moveLease(by interval: String) throws {
        try scratch.sql("UPDATE jobs SET lease_expires_at = lease_expires_at + interval '\(interval)'")
    }

    @Test func `a lease ends only after a watch as long as it is`() throws {
        let claim = try claim(lease: 10)
        try moveLease(by: "-1 hour")
        let early = try store.expire(watchedFor: 9.9)
        #expect(early.waiting.isEmpty)
        #expect(early.left == 1, "it has not been dealt with")
        let late = try store.expire(watchedFor: 10)
        #expect(late.waiting == [claim.id])
        #expect(late.left == 0)
    }

    @Test func `the length of a lease is its own worker's`() throws {
        let claim = try claim(lease: 60)
        try moveLease(by: "-1 hour")
        #expect(try store.expire(watchedFor: 59, lease: 10).waiting.isEmpty)
        #expect(try store.expire(watchedFor: 60, lease: 10).waiting == [claim.id])
    }

    @Test func `a worker with a longer lease than a claim's allows for what its watch overlooks`() throws {
        let claim = try claim(lease: 10)
        try moveLease(by: "-39 s")
        #expect(try store.expire(lease: 60).waiting.isEmpty)
        try moveLease(by: "-2 s")
        #expect(try store.expire(watchedFor: 30, lease: 60).waiting == [claim.id])
    }

    @Test func `a lease of the release before is as long as the reconciler's`() throws {
        let claim = try claim(lease: 60)
        try scratch.sql("UPDATE jobs SET lease = NULL")
        try moveLease(by: "-1 hour")
        #expect(try store.expire(watchedFor: 9.9, lease: 10).waiting.isEmpty)
        #expect(try store.expire(watchedFor: 10, lease: 10).waiting == [claim.id])
    }

    /// The watch knows the time from before the step.
    @Test func `a step of the clock after the last heartbeat ends no lease`() throws {
        let claim = try claim()
        try moveLease(by: "-1 minute")
        #expect(try store.expire(ahead: -3600).waiting.isEmpty, "ahead")
        try moveLease(by: "2 minutes")
        #expect(try store.expire(ahead: 3600).waiting.isEmpty, "back")
        #expect(try store.renew([claim], lease: 10).held == [claim])
    }

    @Test func `a lost worker's lease ends although the clock was set back`() throws {
        let claim = try claim(lease: 10)
        try moveLease(by: "0.5 s")
        #expect(try store.expire().waiting.isEmpty, "a lease that began a moment ago")
        try moveLease(by: "1 hour")
        #expect(try store.expire(watchedFor: 9).waiting.isEmpty)
        #expect(try store.expire(watchedFor: 10).waiting == [claim.id])
    }

    @Test func `a long lease is no lease of the future`() throws {
        let claim = try claim(lease: 3600)
        #expect(try store.expire(lease: 10).waiting.isEmpty)
        #expect(try store.renew([claim], lease: 3600).held == [claim])
    }

    @Test func `a turn that is due in the far future is taken`() throws {
        try scratch.sql("UPDATE reconciliation SET next_at = now() + interval '9 s'")
        #expect(try store.takeTurn(hold: 5, lease: 10) == nil)
        try scratch.sql("UPDATE reconciliation SET next_at = now() + interval '1 hour'")
        #expect(try store.takeTurn(hold: 5, lease: 10) != nil)
    }

    @Test func `a turn looks at everything after the clock was set back`() throws {
        try scratch.sql("UPDATE reconciliation SET round = 1, leases_looked_at = now(), outbox_looked_at = now()")
        let turn = try #require(try store.takeTurn(hold: 5, lease: 10))
        #expect(turn.leasesSince > .distantPast)
        #expect(turn.outboxSince > .distantPast)
        try scratch.sql(
            """
            UPDATE reconciliation SET next_at = now(),
                leases_looked_at = now() + interval '1 hour', outbox_looked_at = now() + interval '1 hour'
            """)
        let next = try #require(try store.takeTurn(hold: 5, lease: 10))
        #expect(next.leasesSince == .distantPast)
        #expect(next.outboxSince == .distantPast)
    }

    @Test func `a batch of the future is announced`() throws {
        let id = try job()
        try scratch.sql("UPDATE announcements SET created_at = created_at + interval '1 hour'")
        #expect(try store.unannounced(age: 5, limit: 10).flatMap(\.ids) == [id])
    }

    @Test func `a job of the future waits long`() throws {
        let id = try job()
        #expect(try store.waitingLong(age: 5, limit: 10, fromBeginning: false).isEmpty)
        try scratch.sql("UPDATE jobs SET created_at = created_at + interval '1 hour'")
        #expect(try store.waitingLong(age: 5, limit: 10, fromBeginning: false) == [id])
    }

    @Test(arguments: [("299.5 s", true), ("300.5 s", false)])
    func `a window of the future lasts for one more window at the most`(ahead: String, isOpen: Bool) throws {
        let id = try job()
        try scratch.sql("UPDATE windows SET created_at = created_at + interval '\(ahead)'")
        #expect((try job() == id) == isOpen)
    }
}
