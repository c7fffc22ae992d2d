import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisConnectionTests {
    func connection(_ host: String, _ port: UInt16, within limit: Duration) throws(RedisError) -> Connection {
        try Connection(host: host, port: port, password: nil, database: 0, timeout: limit)
    }

    /// The server is on one of the addresses that the name has.
    @Test(arguments: ["localhost", "127.0.0.1"]) func `each address of a host is tried`(host: String) async throws {
        let port = try Servers.shared.get().redisPort
        // It may be just starting.
        try await eventually { (try? connection(host, port, within: .seconds(5)))?.isOpen == true }
    }

    @Test func `the error names every address that was tried`() throws {
        let port = try Servers.freePort()
        let error = #expect(throws: RedisError.self) { _ = try connection("localhost", port, within: .seconds(20)) }
        #expect(error?.description.contains("localhost (127.0.0.1): Connection refused") == true)
    }

    @Test func `a server that does not answer is given up in time`() throws {
        let silent = try SilentPort()
        let began = ContinuousClock.now
        #expect(throws: RedisError.self) { _ = try connection("127.0.0.1", silent.number, within: .milliseconds(300)) }
        #expect(ContinuousClock.now - began < .milliseconds(1500))
    }

    @Test func `a host that is not there is an error`() throws {
        let error = #expect(throws: RedisError.self) { _ = try connection("nowhere.invalid", 1, within: .seconds(2)) }
        #expect(error?.description.hasPrefix("Redis: cannot resolve the host nowhere.invalid: ") == true)
    }
}
