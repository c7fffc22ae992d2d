import JobStorage
import Jobs
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct ClaimTests {
    let scratch: Scratch
    let store: JobStore

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
    }

    func record(_ id: JobID) throws -> JobRecord { try #require(try store.find([id])[id]) }

    func endLeases() throws {
        try scratch.sql("UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'")
    }

    @Test func runsAJobThroughItsLife() throws {
        let id = try store.jobs(1)[0]
        let waiting = try record(id)
        #expect(waiting.status == .created)
        #expect(waiting.startTime == nil)
        let claim = try #require(try store.claim([id, JobID(rawValue: 999)], lease: 10).first)
        #expect(claim == Claim(id: id, objectID: ObjectID(rawValue: 1), attempt: 1, token: claim.token))
        let running = try record(id)
        #expect(running.status == .running)
        let start = try #require(running.startTime)
        #expect(start >= waiting.createdAt)
        #expect(try store.finish([.success(claim)]) == [claim])
        let ended = try record(id)
        #expect(ended.status == .success)
        #expect(ended.startTime == start)
        #expect(try #require(ended.endTime) >= start)
        #expect(ended.message == nil)
    }

    @Test func keepsTheMessageOfAFailure() throws {
        let claim = try #require(try store.claim(try store.jobs(1), lease: 10).first)
        _ = try store.finish([.failed(claim, message: "odd — \"quoted\"\n\0")])
        let record = try record(claim.id)
        #expect(record.status == .failed)
        #expect(record.message == "odd — \"quoted\"\n\u{FFFD}")
    }

    @Test func givesAJobToOneOfManyThatClaimItAtOnce() async throws {
        let ids = try store.jobs(200)
        let scratch = scratch
        let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
            for worker in 0..<8 {
                group.addTask {
                    try await onThread {
                        let store = scratch.store()
                        if worker.isMultiple(of: 2) { return try store.claim(ids.shuffled(), lease: 10) }
                        return try (0..<20).flatMap { _ in
                            try store.claimWaiting(limit: 10, lease: 10, fromBeginning: true)
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claims.map(\.id).sorted() == ids)
        #expect(claims.allSatisfy { $0.attempt == 1 })
    }

    @Test func fencesAWorkerThatLostItsClaim() throws {
        let id = try store.jobs(1)[0]
        let zombie = try #require(try store.claim([id], lease: 10).first)
        try endLeases()
        #expect(try store.expire().waiting == [id])
        #expect(try store.finish([.success(zombie)]).isEmpty, "finished a job that waits again")
        let second = try #require(try store.claim([id], lease: 10).first)
        #expect(second.attempt == 2)
        #expect(try store.renew([zombie], lease: 10).held.isEmpty)
        #expect(try store.finish([.failed(zombie, message: "late")]).isEmpty, "finished another worker's job")
        var announcer = AnnouncerID.random()
        #expect(try store.release([zombie], announcer: &announcer).waiting.isEmpty)
        #expect(try record(id).status == .running)
        for held in [[zombie, second], [second, zombie]] {
            #expect(try store.renew(held, lease: 10).held == [second], "a claim of the past cost a live one its lease")
        }
        #expect(try store.finish([.success(second)]) == [second])
        #expect(try store.finish([.failed(second, message: "again")]).isEmpty, "wrote a final state twice")
        #expect(try record(id).status == .success)
    }

    @Test func tellsAnOutcomeThatWasWrittenBeforeFromARejectedOne() throws {
        let claims = try store.claim(try store.jobs(4), lease: 10)
        let outcomes: [Outcome] = [
            .success(claims[0]), .failed(claims[1], message: "bad"), .success(claims[2]), .success(claims[3]),
        ]
        #expect(try store.finish(Array(outcomes[..<2])) == Set(claims[..<2]))
        try endLeases()
        #expect(try store.expire(maxLosses: 1).failed == claims[2...].map(\.id))
        #expect(try store.finish(outcomes).isEmpty)
        #expect(try store.written(outcomes) == Set(claims[..<2]))
        let zombie = Claim(id: claims[0].id, objectID: claims[0].objectID, attempt: 1, token: claims[0].token &+ 1)
        #expect(try store.written([.success(zombie)]).isEmpty)
    }

    @Test func leavesALiveWorkersJobAlone() throws {
        let claims = try store.claim(try store.jobs(2), lease: 10)
        try endLeases()
        #expect(try store.renew([claims[0]], lease: 10).held == [claims[0]])
        #expect(try store.expire().waiting == [claims[1].id])
        #expect(try record(claims[0].id).status == .running)
    }

    @Test func failsAJobThatLostItsWorkerTooOften() throws {
        let id = try store.jobs(1)[0]
        for death in 1...3 {
            #expect(try store.claim([id], lease: 10).first?.attempt == Int32(death))
            try endLeases()
            let expiry = try store.expire(maxLosses: 3)
            #expect(expiry.waiting == (death < 3 ? [id] : []))
            #expect(expiry.failed == (death < 3 ? [] : [id]))
        }
        let record = try record(id)
        #expect(record.status == .failed)
        #expect(record.message == "job lost its worker 3 times, the most that is allowed")
        #expect(record.endTime != nil)
        #expect(try store.claim([id], lease: 10).isEmpty)
    }

    @Test func countsNoHandingBackAsADeath() throws {
        let id = try store.jobs(1)[0]
        var announcer = AnnouncerID.random()
        for _ in 0..<3 {
            let claims = try store.claim([id], lease: 10)
            #expect(try store.release(claims, announcer: &announcer).waiting == [id])
        }
        let waiting = try record(id)
        #expect(waiting.status == .created)
        #expect(waiting.startTime == nil)
        _ = try store.claim([id], lease: 10)
        try endLeases()
        #expect(try store.expire(maxLosses: 2).waiting == [id])
    }
}
