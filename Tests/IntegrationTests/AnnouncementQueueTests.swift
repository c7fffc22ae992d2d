import JobStorage
import Jobs
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AnnouncementQueueTests {
    let scratch: Scratch
    let store: JobStore
    var queue: AnnouncementQueue

    init() throws {
        scratch = try Scratch()
        store = scratch.store()
        queue = AnnouncementQueue(store: store, stream: scratch.stream())
    }

    /// The name of the last batch.
    var name = AnnouncerID.random()

    mutating func commit(_ objects: ClosedRange<Int32>) throws -> [JobID] {
        try queue.collect()
        name = queue.takeName()
        return try store.create(objects.map(ObjectID.init), window: 300, announcer: &name).values
            .filter(\.isNew).map(\.id).sorted()
    }

    mutating func announce(_ ids: [JobID]) throws { try queue.announce(ids, under: name) }

    func writtenDown() throws -> [JobID] { try store.unannounced(age: 0, limit: 100).flatMap(\.ids).sorted() }

    @Test mutating func strikesOutWhatRedisHasTaken() async throws {
        let ids = try commit(1...3)
        try announce(ids)
        #expect(try writtenDown() == ids)
        try await eventually {
            try queue.strikeOut()
            return try writtenDown().isEmpty
        }
        #expect(!queue.hasWork)
        #expect(try scratch.stream().messages(after: .zero, count: 10).map(\.jobID) == ids)
    }

    @Test mutating func keepsABatchThatWasNotSent() throws {
        let first = try commit(1...1)
        try announce(first)
        // The process dies after this commit.
        let second = try commit(2...2)
        #expect(Set(try writtenDown()).isSuperset(of: second))
    }

    @Test mutating func neverStrikesOutABatchThatTookAnOldName() async throws {
        try announce(try commit(1...1))
        let second = try await {
            // Redis has answered: the next batch may take the first one's place.
            try await eventually { try scratch.stream().mark(round: 1).length == 1 }
            return try commit(2...2)
        }()
        try queue.strikeOut()
        try await Task.sleep(for: .seconds(1.1))
        try queue.strikeOut()
        #expect(try writtenDown() == second)
    }

    @Test mutating func strikesOutABatchAfterOneThatMadeNothing() async throws {
        try announce(try commit(1...1))
        try await eventually { try scratch.stream().mark(round: 1).length == 1 }
        #expect(try commit(1...1).isEmpty)
        try announce([])
        try await eventually {
            try queue.strikeOut()
            return try writtenDown().isEmpty
        }
    }

    @Test mutating func strikesOutEveryBatchOfALongRun() async throws {
        for object in Int32(1)...300 {
            try announce(try commit(object...object))
            try queue.strikeOut()
        }
        try await eventually(within: .seconds(4)) {
            try queue.strikeOut()
            return try writtenDown().isEmpty
        }
    }

    @Test mutating func goesOnAfterWhatRedisRefuses() async throws {
        try scratch.redis("SET", "jobs", "a key of another type")
        let refused = try commit(1...2)
        try announce(refused)
        try await eventually {
            do { try queue.collect() } catch { return true }
            return false
        }
        try scratch.redis("DEL", "jobs")
        let taken = try commit(3...4)
        try announce(taken)
        try await eventually {
            try queue.strikeOut()
            return try writtenDown() == refused
        }
        #expect(try scratch.stream().messages(after: .zero, count: 10).map(\.jobID) == taken)
    }

    @Test mutating func leavesEverythingToTheReconcilerWithoutRedis() throws {
        let port = try Servers.freePort()
        let nowhere = RedisAddress(host: "127.0.0.1", port: port, password: nil, database: 0)
        queue = AnnouncementQueue(store: store, stream: JobStream(nowhere, timeout: .milliseconds(50)))
        var ids: [JobID] = []
        for object in Int32(1)...3 {
            let batch = try commit(object...object)
            #expect(throws: (any Error).self) { try announce(batch) }
            ids += batch
        }
        #expect(try writtenDown() == ids)
        #expect(!queue.hasWork)
    }
}
