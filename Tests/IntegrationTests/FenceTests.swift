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

    func jobs(_ count: Int32) throws -> [JobID] {
        var announcer = AnnouncerID.random()
        let objects = (1...count).map { ObjectID(rawValue: $0) }
        return try store.create(objects, window: 300, announcer: &announcer).values.map(\.id).sorted()
    }

    @Test func `a claim of before a restore has no say in the job that got its id`() throws {
        let before = try #require(try store.claim(try jobs(1), lease: 10).first)
        try scratch.sql(
            "DELETE FROM jobs; DELETE FROM windows; ALTER SEQUENCE jobs_id_seq RESTART")
        let after = try #require(try store.claim(try jobs(1), lease: 10).first)
        #expect((after.id, after.attempt) == (before.id, before.attempt))
        #expect(try store.renew([before], lease: 10).held.isEmpty)
        #expect(try store.finish([.failed(before, message: "the old one")]).isEmpty)
        #expect(try store.written([.success(before)]).isEmpty)
        var announcer = AnnouncerID.random()
        #expect(try store.release([before], announcer: &announcer).waiting.isEmpty)
        #expect(try store.finish([.success(after)]) == [after])
    }

    @Test func `a claim of the release before is not ended by a token of an earlier claim`() throws {
        let id = try jobs(1)[0]
        let first = try #require(try store.claim([id], lease: 10).first)
        var announcer = AnnouncerID.random()
        _ = try store.release([first], announcer: &announcer)
        // The release before sets no token.
        try scratch.sql(
            "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_expires_at = now() + interval '10 s'")
        #expect(try store.finish([.success(first)]).isEmpty)
    }

    @Test func `an outcome that was written is known again by the token`() throws {
        let claims = try store.claim(try jobs(2), lease: 10)
        _ = try store.finish([.success(claims[0])])
        let said: [Outcome] = claims.map { .success($0) }
        #expect(try store.written(said) == [claims[0]])
    }

    @Test func `claims whose answer was lost are found by the next exchange`() throws {
        let ids = try jobs(3)
        let claims = try store.claim(Array(ids[..<2]), lease: 10)
        #expect(store.unansweredClaim == nil)
        // As it is when the connection broke before the answer came.
        store.unansweredClaim = claims[0].token
        let again = try store.claim(ids, lease: 10)
        #expect(Set(again).isSuperset(of: claims))
        #expect(again.map(\.id).sorted() == ids)
        #expect(again.allSatisfy { $0.attempt == 1 })
        #expect(store.unansweredClaim == nil)
        #expect(try store.claim(ids, lease: 10).isEmpty, "they are found once")
    }

    @Test func `an exchange without an answer keeps its token`() throws {
        let nowhere = JobStore(Database(url: "postgresql://127.0.0.1:1/none", name: "tests"))
        #expect(throws: (any Error).self) { try nowhere.claim([JobID(rawValue: 1)], lease: 10) }
        let token = try #require(nowhere.unansweredClaim)
        #expect(throws: (any Error).self) { try nowhere.claim([JobID(rawValue: 1)], lease: 10) }
        #expect(nowhere.unansweredClaim == token)
    }

    @Test func `an exchange that the server refused begins anew`() throws {
        try scratch.sql("ALTER TABLE jobs RENAME TO elsewhere")
        #expect(throws: (any Error).self) { try store.claim([JobID(rawValue: 1)], lease: 10) }
        #expect(store.unansweredClaim == nil)
    }
}
