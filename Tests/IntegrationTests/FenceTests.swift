import Jobs
import TestSupport
import Testing

@testable import JobStorage

@Suite(.timeLimit(.minutes(2))) struct FenceTests {
    let scratch: Scratch
    let store: JobStore

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
    }

    @Test func `a claim of before a restore has no say in the job that got its id`() throws {
        let before = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        try scratch.sql(
            "DELETE FROM jobs; DELETE FROM windows; ALTER SEQUENCE jobs_id_seq RESTART")
        let after = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        #expect((after.id, after.attempt) == (before.id, before.attempt))
        #expect(try store.renew([before], lease: 10).held.isEmpty)
        #expect(try store.finish([.failed(before, message: "the old one")]).isEmpty)
        #expect(try store.written([.success(before)]).isEmpty)
        var announcer = AnnouncerID.random()
        #expect(try store.release([before], announcer: &announcer).waiting.isEmpty)
        #expect(try store.finish([.success(after)]) == [after])
    }

    @Test func `a claim of the release before is not ended by a token of an earlier claim`() throws {
        let id = try store.jobs(1)[0]
        let first = try #require(try store.claim([id], lease: 10).first)
        var announcer = AnnouncerID.random()
        _ = try store.release([first], announcer: &announcer)
        // The release before sets no token.
        try scratch.sql(
            "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_expires_at = now() + interval '10 s'")
        #expect(try store.finish([.success(first)]).isEmpty)
    }

    @Test func `an outcome that was written is known again by the token`() throws {
        let claims = try store.claim(try store.jobs(2), lease: 10)
        _ = try store.finish([.success(claims[0])])
        let said: [Outcome] = claims.map { .success($0) }
        #expect(try store.written(said) == [claims[0]])
    }

    @Test(arguments: [true, false])
    func `claims whose answer was lost are found by their token, once`(fromStream: Bool) throws {
        let ids = try store.jobs(3)
        let claims =
            try fromStream
            ? store.claim(Array(ids[..<2]), lease: 10) : store.claimWaiting(limit: 2, lease: 10, fromBeginning: true)
        #expect(!store.hasUnanswered)
        // As it is when the connection broke before the answer came.
        store.unanswered[claims[0].token] = .now
        #expect(Set(try store.recover(lease: 10)) == Set(claims))
        #expect(!store.hasUnanswered)
        #expect(try store.recover(lease: 10).isEmpty)
    }

    @Test func `a token without an answer is asked for until its lease is over`() throws {
        let nowhere = JobStore(Database(url: "postgresql://127.0.0.1:1/none", name: "tests"))
        #expect(throws: (any Error).self) { try nowhere.claim([JobID(rawValue: 1)], lease: 10) }
        #expect(throws: (any Error).self) { try nowhere.claimWaiting(limit: 1, lease: 10, fromBeginning: true) }
        #expect(nowhere.unanswered.count >= 2)
        // Its statement may still be committing.
        store.unanswered = [1: .now - .seconds(9)]
        #expect(try store.recover(lease: 10).isEmpty)
        #expect(store.hasUnanswered)
        store.unanswered = [1: .now - .seconds(11)]
        #expect(try store.recover(lease: 10).isEmpty)
        #expect(!store.hasUnanswered)
    }

    @Test func `a statement that the server refused has made no claims`() throws {
        try scratch.sql("ALTER TABLE jobs RENAME TO elsewhere")
        #expect(throws: (any Error).self) { try store.claim([JobID(rawValue: 1)], lease: 10) }
        #expect(!store.hasUnanswered)
    }

    /// After a restore the attempt is lower than that of a claim of before.
    @Test func `of two claims of a job the one that the job has is renewed, handed back and written`() throws {
        let now = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        let before = Claim(id: now.id, objectID: now.objectID, attempt: 7, token: now.token &+ 1)
        for held in [[now, before], [before, now]] {
            #expect(try store.renew(held, lease: 10).held == [now])
        }
        let exchange = try store.exchange([.success(before), .success(now)], for: [], lease: 10)
        let second = try store.exchange(
            [.success(before), .success(now)].filter { exchange.deferredOutcomes.contains($0.claim) }, for: [],
            lease: 10)
        #expect(exchange.finished.union(second.finished) == [now])
    }
}
