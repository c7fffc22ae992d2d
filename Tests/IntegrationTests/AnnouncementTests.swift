import JobStorage
import Jobs
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AnnouncementTests {
    let store: JobStore

    init() throws { store = try Scratch().store() }

    func create(_ objects: ClosedRange<Int32>, _ announcer: inout AnnouncerID) throws -> [JobID] {
        try store.create(objects.map(ObjectID.init), window: 300, announcer: &announcer).values.map(\.id).sorted()
    }

    @Test func writesDownWhatWasCommittedAndStrikesItOut() throws {
        var announcer = AnnouncerID.random()
        let ids = try create(1...3, &announcer)
        let batches = try store.unannounced(age: 0, limit: 10)
        #expect(batches.map(\.announcer) == [announcer])
        #expect(batches.flatMap(\.ids) == ids)
        #expect(try store.unannounced(age: 5, limit: 10).isEmpty, "a fresh batch is its announcer's")
        try store.forget([announcer])
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids).isEmpty)
    }

    @Test func keepsOnlyTheLastBatchOfAnAnnouncer() throws {
        var announcer = AnnouncerID.random()
        _ = try create(1...3, &announcer)
        let newer = try create(4...5, &announcer)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids) == newer)
        // One that could not announce its batch takes a new name.
        announcer.renew()
        let other = try create(6...6, &announcer)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids) == newer + other)
    }

    @Test func strikesOutNothingNewer() throws {
        var announcer = AnnouncerID.random()
        _ = try create(1...1, &announcer)
        let seen = try store.unannounced(age: 0, limit: 10)
        let newer = try create(2...2, &announcer)
        try store.forget(seen)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids) == newer)
    }

    @Test func leavesOutWhatNoLongerWaits() throws {
        var announcer = AnnouncerID.random()
        let ids = try create(1...2, &announcer)
        _ = try store.claim([ids[0]], lease: 10)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids) == [ids[1]])
    }

    @Test func writesARepeatDownForNobody() throws {
        var announcer = AnnouncerID.random()
        _ = try create(1...1, &announcer)
        try store.forget([announcer])
        _ = try create(1...1, &announcer)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids).isEmpty)
    }

    @Test func writesReleasedJobsDown() throws {
        var announcer = AnnouncerID.random()
        let ids = try create(1...2, &announcer)
        try store.forget([announcer])
        _ = try store.release(try store.claim(ids, lease: 10), announcer: &announcer)
        #expect(try store.unannounced(age: 0, limit: 10).flatMap(\.ids) == ids)
    }
}
