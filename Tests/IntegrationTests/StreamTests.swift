import JobStorage
import Jobs
import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    let scratch: Scratch
    let stream: JobStream

    init() throws {
        scratch = try Scratch()
        stream = scratch.stream()
        #expect(try stream.makeGroup())
    }

    func fetch(_ count: Int, acknowledging done: [StreamID] = []) async throws -> [Message] {
        try await fetch(count, from: stream, acknowledging: done)
    }

    func fetch(_ count: Int, from stream: JobStream, acknowledging done: [StreamID] = []) async throws -> [Message] {
        try stream.fetch(count: count, wait: .milliseconds(20), acknowledging: done)
        var messages: [Message]?
        try await eventually {
            messages = try stream.fetched()
            return messages != nil
        }
        return messages ?? []
    }

    func length() throws -> Int64 { try stream.mark(round: 1).length }

    @Test func carriesJobsInOrder() async throws {
        let ids = (1...25).map { JobID(rawValue: $0) }
        try stream.announce(ids)
        try stream.confirm()
        let first = try await fetch(10)
        #expect(first.map(\.jobID) == Array(ids[..<10]))
        let rest = try await fetch(100, acknowledging: first.map(\.streamID))
        #expect(rest.map(\.jobID) == Array(ids[10...]))
        try stream.acknowledge(rest.map(\.streamID))
        #expect(try length() == 0)
        #expect(try await fetch(1).isEmpty)
    }

    @Test func seesWhatWasThereBeforeTheGroup() async throws {
        let stream = try Scratch().stream()
        try stream.announce([JobID(rawValue: 5)])
        try stream.confirm()
        #expect(try stream.makeGroup())
        #expect(try stream.makeGroup() == false)
        try stream.fetch(count: 1, wait: .milliseconds(20), acknowledging: [])
        try await eventually { try stream.fetched()?.first?.jobID == JobID(rawValue: 5) }
    }

    @Test func tellsThatTheGroupIsGone() async throws {
        try scratch.redis("FLUSHDB")
        await #expect {
            try await fetch(1)
        } throws: { ($0 as? RedisError)?.code == "NOGROUP" }
        #expect(try stream.makeGroup())
        #expect(try await fetch(1).isEmpty)
    }

    @Test func givesBackWhatItCannotRead() async throws {
        try scratch.redis("XADD", "jobs", "*", "v", "1", "id", "not a number")
        try scratch.redis("XADD", "jobs", "*", "something", "else")
        try scratch.redis("XADD", "jobs", "*", "v", "2", "id", "42", "more", "of a newer release")
        #expect(try await fetch(10).map(\.jobID) == [nil, nil, JobID(rawValue: 42)])
    }

    @Test func announcesAgainWhatWasFetchedAndNeverAcknowledged() async throws {
        try stream.announce([1, 2].map(JobID.init))
        try stream.confirm()
        let fetched = try await fetch(2)
        #expect(try stream.announceStranded(age: .seconds(60), limit: 10).isEmpty)
        #expect(try stream.announceStranded(age: .zero, limit: 10) == [1, 2].map(JobID.init))
        let again = try await fetch(10)
        #expect(again.map(\.jobID) == fetched.map(\.jobID))
        #expect(Set(again.map(\.streamID)).isDisjoint(with: fetched.map(\.streamID)))
        #expect(try length() == 2)
    }

    @Test func remembersTheLastRound() throws {
        #expect(try stream.mark(round: 7).previousRound == nil)
        let condition = try stream.mark(round: 8)
        #expect(condition.previousRound == 7)
        #expect(condition.runID.count == 40)
        _ = try stream.makeGroup()
        #expect(try stream.mark(round: 9).previousRound == nil)
    }

    @Test func failsAtOnceWhereThereIsNoRedis() throws {
        let port = try Servers.freePort()
        let away = JobStream(
            RedisAddress(host: "127.0.0.1", port: port, password: nil, database: 0), timeout: .milliseconds(50))
        #expect(throws: RedisError.self) { try away.announce([JobID(rawValue: 1)]) }
        #expect(throws: RedisError.self) { try away.mark(round: 1) }
    }

    // MARK: - All or nothing

    @Test(arguments: [true, false])
    func `a full Redis loses no message that is put back`(isStranded: Bool) async throws {
        let redis = try await OwnRedis()
        let stream = redis.stream()
        _ = try stream.makeGroup()
        let ids = [1, 2].map(JobID.init)
        try stream.announce(ids)
        try stream.confirm()
        let fetched = try await fetch(2, from: stream)
        func putBack() throws {
            if isStranded {
                #expect(try stream.announceStranded(age: .zero, limit: 10) == ids)
            } else {
                try stream.announceAnew(fetched)
            }
        }
        try await redis.run("CONFIG", "SET", "maxmemory", "1")
        #expect { try putBack() } throws: { ($0 as? RedisError)?.code == "OOM" }
        #expect(try await redis.run("XLEN", "jobs") == "2\n")
        try await redis.run("CONFIG", "SET", "maxmemory", "0")
        try putBack()
        #expect(try stream.mark(round: 1).length == 2)
        #expect(try await fetch(10, from: stream).map(\.jobID) == ids)
    }

    @Test func `an error inside a transaction is thrown`() async throws {
        try stream.announce([JobID(rawValue: 1)])
        try stream.confirm()
        let fetched = try await fetch(1)
        try scratch.redis("SET", "jobs", "a key of another type")
        #expect { try stream.announceAnew(fetched) } throws: { ($0 as? RedisError)?.code == "WRONGTYPE" }
    }

    @Test func `a group that cannot be made leaves an audit to be done`() throws {
        _ = try stream.mark(round: 7)
        try scratch.redis("SET", "jobs", "a key of another type")
        #expect(throws: RedisError.self) { try stream.makeGroup() }
        try scratch.redis("DEL", "jobs")
        #expect(try stream.mark(round: 8).previousRound == nil)
    }

    @Test func `the workers' group is told from others`() async throws {
        try stream.announce([1, 2].map(JobID.init))
        try stream.confirm()
        let fetched = try await fetch(2)
        try scratch.redis("XGROUP", "CREATE", "jobs", "another", "0")
        #expect(try stream.lastDelivered() == fetched.last?.streamID)
    }

    // MARK: - Servers of no use

    @Test func `a connection to a demoted Redis is given up`() async throws {
        let redis = try await OwnRedis()
        let stream = redis.stream()
        _ = try stream.makeGroup()
        try await redis.run("REPLICAOF", "127.0.0.1", "\(try Servers.freePort())")
        #expect {
            try stream.announce([JobID(rawValue: 1)])
            try stream.confirm()
        } throws: { ($0 as? RedisError)?.code == "READONLY" }
        #expect(!stream.isConnected)
    }

    @Test(arguments: ["READONLY", "MASTERDOWN", "LOADING", "NOAUTH", "WRONGPASS", "OOM", "WRONGTYPE", "MISCONF"])
    func `a server that takes nothing is an outage, one that refuses something is not`(code: String) {
        let isOutage = ["READONLY", "MASTERDOWN", "LOADING", "NOAUTH", "WRONGPASS"].contains(code)
        #expect(RedisError.reply("\(code) a message").isOutage == isOutage)
        #expect(RedisError.connection(code).isOutage)
    }
}
