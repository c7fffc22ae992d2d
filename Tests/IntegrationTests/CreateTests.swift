import JobStorage
import Jobs
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CreateTests {
    @Test func givesOneJobToOneObject() throws {
        let store = try Scratch().store()
        var announcer = AnnouncerID.random()
        let first = try store.create([7, 8, 7].map(ObjectID.init), window: 300, announcer: &announcer)
        #expect(first.count == 2)
        #expect(first.values.filter(\.isNew).count == 2)
        let second = try store.create([8, 9].map(ObjectID.init), window: 300, announcer: &announcer)
        #expect(second[ObjectID(rawValue: 8)]?.id == first[ObjectID(rawValue: 8)]?.id)
        #expect(second[ObjectID(rawValue: 8)]?.isNew == false)
        #expect(second[ObjectID(rawValue: 9)]?.isNew == true)
    }

    @Test func takesTheWholeRangeOfObjectIDs() throws {
        let store = try Scratch().store()
        var announcer = AnnouncerID.random()
        let objects = [Int32.min, -1, 0, 1, Int32.max].map(ObjectID.init)
        let created = try store.create(objects, window: 300, announcer: &announcer)
        #expect(Set(created.keys) == Set(objects))
        let found = try store.find(created.values.map(\.id))
        #expect(Set(found.values.map(\.objectID)) == Set(objects))
    }

    @Test func beginsANewWindowWhenTheOldOneIsOver() throws {
        let scratch = try Scratch()
        let store = scratch.store()
        var announcer = AnnouncerID.random()
        let object = ObjectID(rawValue: 1)
        func create(window: Int) throws -> Creation? {
            try store.create([object], window: window, announcer: &announcer)[object]
        }
        let first = try #require(try create(window: 300))
        try scratch.sql("UPDATE windows SET created_at = created_at - interval '299.9 seconds'")
        #expect(try create(window: 300)?.id == first.id)
        try scratch.sql("UPDATE windows SET created_at = created_at - interval '0.1 seconds'")
        let second = try #require(try create(window: 300))
        #expect(second.id != first.id)
        #expect(second.isNew)
        // It slides from the creation of the job that is returned.
        #expect(try create(window: 300)?.id == second.id)
    }

    @Test func burnsNoNumbersOfTheSequenceOnRepeats() throws {
        let store = try Scratch().store()
        var announcer = AnnouncerID.random()
        let objects = (1...50).map { ObjectID(rawValue: $0) }
        for _ in 0..<20 { _ = try store.create(objects, window: 300, announcer: &announcer) }
        let last = ObjectID(rawValue: 1000)
        #expect(try store.create([last], window: 300, announcer: &announcer)[last]?.id.rawValue == 51)
    }

    /// Many connections ask for the same hot keys at once, in windows so short that they end all the time.
    @Test(arguments: [300, 0])
    func isExactUnderConcurrency(window: Int) async throws {
        let scratch = try Scratch()
        let answers = try await withThrowingTaskGroup(of: [Creation].self) { group in
            for client in 0..<16 {
                group.addTask {
                    try await onThread {
                        let store = scratch.store()
                        var announcer = AnnouncerID.random()
                        var random = SystemRandomNumberGenerator()
                        return try (0..<20).flatMap { _ in
                            let objects = (0..<50).map { _ in ObjectID(rawValue: .random(in: 1...200, using: &random)) }
                            let creations = try store.create(objects, window: window, announcer: &announcer)
                            #expect(
                                creations.count == Set(objects).count, "client \(client) got no answer for an object")
                            return Array(creations.values)
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let new = answers.filter(\.isNew)
        #expect(Set(new.map(\.id)).count == new.count, "a job was handed out as new twice")
        #expect(try scratch.sql("SELECT count(*)::text FROM jobs") == ["\(new.count)"])
        if window == 300 {
            let ids = Dictionary(grouping: answers, by: \.objectID).mapValues { Set($0.map(\.id)) }
            #expect(ids.values.allSatisfy { $0.count == 1 }, "an object had two jobs in one window")
            #expect(new.count == ids.count)
            let rows = try scratch.sql("SELECT count(*)::text FROM announcements").compactMap { Int($0) }
            #expect(rows.allSatisfy { $0 <= 16 }, "a client that loses races keeps its one row")
        }
    }
}
