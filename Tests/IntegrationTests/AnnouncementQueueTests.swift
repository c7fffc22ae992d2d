import JobStorage
import Jobs
import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AnnouncementQueueTests {
    let scratch: Scratch
    let store: JobStore
    var queue: AnnouncementQueue

    init() async throws {
        scratch = try Scratch()
        store = scratch.store()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: scratch.redis)
    }

    /// A queue whose connection was made.
    static func queue(_ store: JobStore, connectedTo redis: RedisAddress) async throws -> AnnouncementQueue {
        let stream = JobStreamWriter(redis, background: inBackground)
        try await eventually {
            stream.connect()
            return stream.isConnected
        }
        return AnnouncementQueue(store: store, stream: stream)
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
        queue = AnnouncementQueue(store: store, stream: JobStreamWriter(nowhere, background: inBackground))
        var ids: [JobID] = []
        for object in Int32(1)...3 {
            let batch = try commit(object...object)
            #expect(throws: RedisError.self) { try announce(batch) }
            ids += batch
        }
        #expect(try writtenDown() == ids)
        #expect(try queue.redisAnswers() == false)
    }

    // MARK: - Names

    @Test mutating func `a name is used 64 times and then left`() async throws {
        var names: Set<AnnouncerID> = []
        func rows() throws -> Int { try scratch.sql("SELECT announcer FROM announcements").count }
        for object in Int32(1)...Int32(AnnouncementQueue.usesOfAName) {
            try announce(try commit(object...object))
            names.insert(name)
            try await eventually { try queue.collect() }
        }
        #expect(names.count == 1)
        #expect(try rows() == 1)
        try announce(try commit(1000...1000))
        #expect(!names.contains(name))
        #expect(try rows() == 2)
        try await eventually {
            try queue.strikeOut()
            return try writtenDown().isEmpty
        }
        #expect(!queue.hasWork)
    }

    @Test mutating func `a batch that made nothing counts as a use`() async throws {
        try announce(try commit(1...1))
        try await eventually { try queue.collect() }
        let first = name
        for _ in 1..<AnnouncementQueue.usesOfAName {
            try announce(try commit(1...1))
            #expect(name == first)
        }
        try announce(try commit(1...1))
        #expect(name != first)
    }

    // MARK: - Waiting for nothing

    /// Every call of the queue, as a loop makes them; the longest that one took.
    private mutating func longestCall(_ rounds: Int, ids: [JobID] = [JobID(rawValue: 1)]) -> Duration {
        var longest = Duration.zero
        for _ in 0..<rounds {
            longest = max(longest, ContinuousClock().measure { try? queue.announce(ids, under: .random()) })
            longest = max(longest, ContinuousClock().measure { _ = try? queue.collect() })
            longest = max(longest, ContinuousClock().measure { _ = try? queue.redisAnswers() })
        }
        return longest
    }

    @Test mutating func `a name server that is silent is not waited for`() throws {
        // What looks the name up has not come back.
        queue = AnnouncementQueue(store: store, stream: JobStreamWriter(scratch.redis) { _ in })
        #expect(longestCall(1000) < .milliseconds(500))
        #expect(throws: RedisError.self) { try queue.announce([JobID(rawValue: 1)], under: .random()) }
    }

    @Test mutating func `a server that takes connections and is silent is not waited for`() throws {
        let silent = try SilentPort()
        let address = RedisAddress(host: "127.0.0.1", port: silent.number, password: "secret", database: 1)
        queue = AnnouncementQueue(store: store, stream: JobStreamWriter(address, background: inBackground))
        let end = ContinuousClock.now + .seconds(3)
        var longest = Duration.zero
        while .now < end { longest = max(longest, longestCall(100)) }
        #expect(longest < .milliseconds(500))
    }

    @Test mutating func `a full socket is an outage and not waited for`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        redis.freeze()
        let ids = (1...1000).map { JobID(rawValue: $0) }
        var (longest, failure) = (Duration.zero, RedisError?.none)
        while failure == nil {
            let took = ContinuousClock().measure {
                do throws(RedisError) { try queue.announce(ids, under: .random()) } catch { failure = error }
            }
            longest = max(longest, took)
        }
        #expect(longest < .milliseconds(500))
        #expect(failure == .connection("it reads nothing of what it is sent"))
        #expect(try queue.collect() == false)
        redis.thaw()
        try await eventually { (try? queue.announce([JobID(rawValue: 1)], under: .random())) != nil }
    }

    @Test mutating func `what had no room in the socket follows, in order`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        redis.freeze()
        var sent: [JobID] = []
        while !queue.isSending {
            let ids = (sent.count + 1...sent.count + 100).map { JobID(rawValue: Int64($0)) }
            try queue.announce(ids, under: .random())
            sent += ids
        }
        redis.thaw()
        try await eventually {
            try queue.collect()
            return try redis.stream().mark(round: 1).length == sent.count
        }
        #expect(!queue.isSending)
        let last = try redis.stream().messages(after: .zero, count: sent.count)
        #expect(last.map(\.jobID) == sent)
    }

    @Test mutating func `a demoted Redis is an outage`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        try await redis.run("REPLICAOF", "127.0.0.1", "\(try Servers.freePort())")
        try announce(try commit(1...1))
        try await eventually {
            do throws(RedisError) { try queue.collect() } catch { return error.code == "READONLY" }
            return false
        }
        #expect(throws: RedisError.self) { try queue.announce([JobID(rawValue: 1)], under: .random()) }
    }

    // MARK: - Is Redis there?

    @Test mutating func `Redis is asked once in 100 ms, whoever wants to know`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        func pings() async throws -> Int {
            let stats = try await redis.run("INFO", "commandstats")
            return stats.firstMatch(of: /cmdstat_ping:calls=(\d+)/).flatMap { Int($0.1) } ?? 0
        }
        let start = ContinuousClock.now
        let before = try await pings()
        for (after, asked) in [(0, 1), (50, 1), (99, 1), (100, 2), (199, 2), (200, 3)] {
            for _ in 0..<10 { #expect(try queue.redisAnswers(now: start + .milliseconds(after))) }
            try await eventually("\(asked) at \(after) ms") {
                try queue.collect(now: start + .milliseconds(after))
                return try await pings() == before + asked
            }
        }
    }

    @Test mutating func `a Redis that stands still is told by the answer that is missing`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        redis.freeze()
        let start = ContinuousClock.now
        #expect(try queue.redisAnswers(now: start))
        #expect(try queue.redisAnswers(now: start + .milliseconds(49)))
        #expect(try queue.redisAnswers(now: start + .milliseconds(50)) == false)
        redis.thaw()
        try await eventually { try queue.redisAnswers(now: start + .milliseconds(51)) }
    }

    @Test mutating func `a connection that Redis closed is seen at once`() async throws {
        let redis = try await OwnRedis()
        queue = try await AnnouncementQueueTests.queue(store, connectedTo: redis.address)
        #expect(try queue.redisAnswers())
        try await redis.run("CLIENT", "KILL", "TYPE", "normal")
        #expect(throws: RedisError.self) { try queue.redisAnswers() }
        try await eventually { (try? queue.redisAnswers()) == true }
    }
}
