import JobStorage
import Jobs
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct TurnTests {
    let scratch: Scratch
    let store: JobStore

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
    }

    /// Its holder has not been heard of for too long.
    func takeOver() throws -> JobStore.Turn {
        try scratch.sql("UPDATE reconciliation SET next_at = now()")
        return try #require(try store.takeTurn(hold: 5, lease: 10))
    }

    @Test func `a turn is one worker's as long as it goes on`() throws {
        let turn = try #require(try store.takeTurn(hold: 5, lease: 10))
        #expect(try store.takeTurn(hold: 5, lease: 10) == nil)
        #expect(try store.extend(turn, hold: 8))
        #expect(try store.takeTurn(hold: 5, lease: 10) == nil)
        let other = try takeOver()
        #expect(other.round == turn.round + 1)
        #expect(try !store.extend(turn, hold: 5))
    }

    @Test func `a turn that was taken over remembers nothing`() throws {
        let slow = try #require(try store.takeTurn(hold: 5, lease: 10))
        let other = try takeOver()
        try store.finish(slow, redisRunID: "slow", pause: 0)
        #expect(try store.takeTurn(hold: 5, lease: 10) == nil, "it ended a turn that is not its own")
        try store.finish(other, redisRunID: "quick", pause: 0)
        let next = try #require(try store.takeTurn(hold: 5, lease: 10))
        #expect(next.redisRunID == "quick")
        #expect(next.markedRound == other.round)
    }

    @Test func `one turn of 256 looks at everything, the others at what is new`() throws {
        try scratch.sql("UPDATE reconciliation SET leases_looked_at = now(), outbox_looked_at = now()")
        let full = try (0..<512).map { _ in try takeOver() }.filter { $0.leasesSince == .distantPast }
        #expect(full.map { $0.round % 256 } == [0, 0])
    }

    func waitingFrom() throws -> Int {
        try #require(Int(try scratch.sql("SELECT waiting_from::text FROM reconciliation")[0]))
    }

    @Test func `the look for waiting jobs begins at the first that waits for its first claim`() throws {
        let ids = try store.jobs(10)
        #expect(try !store.raiseWaitingFrom(over: 1000), "a job with a smaller id may still be committed")
        #expect(try waitingFrom() == 0)
        try scratch.sql("UPDATE jobs SET created_at = created_at - interval '11 s'")
        let claims = try store.claim(Array(ids[..<4]), lease: 10)
        #expect(try !store.raiseWaitingFrom(over: 1000))
        #expect(try waitingFrom() == Int(ids[4].rawValue))
        // One that waits again is found below it.
        var announcer = AnnouncerID.random()
        _ = try store.release([claims[1]], announcer: &announcer)
        #expect(try store.waitingLong(age: 5, limit: 3, fromBeginning: false) == [ids[1], ids[4], ids[5]])
        let claimed = try store.claimWaiting(limit: 2, lease: 10, fromBeginning: false)
        #expect(claimed.map(\.id).sorted() == [ids[1], ids[4]])
        _ = try store.claim(ids, lease: 10)
        while try store.raiseWaitingFrom(over: 2) {}
        #expect(try waitingFrom() == Int(ids[9].rawValue) + 1)
        // A gap in the ids does not stop it.
        try scratch.sql("SELECT setval('jobs_id_seq', 1000000)")
        var other = AnnouncerID.random()
        let far = try store.create([ObjectID(rawValue: -1)], window: 300, announcer: &other).values.map(\.id)
        try scratch.sql("UPDATE jobs SET created_at = created_at - interval '11 s'")
        _ = try store.raiseWaitingFrom(over: 2)
        #expect(try waitingFrom() == Int(far[0].rawValue))
    }

    @Test func `a job that was committed very late is found by a look from the beginning`() throws {
        let id = try store.jobs(1)[0]
        try scratch.sql("UPDATE reconciliation SET waiting_from = 100")
        #expect(try store.claimWaiting(limit: 10, lease: 10, fromBeginning: false).isEmpty)
        #expect(try store.claimWaiting(limit: 10, lease: 10, fromBeginning: true).map(\.id) == [id])
    }
}
