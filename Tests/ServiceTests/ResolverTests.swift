import Glibc
import Service
import Testing

@Suite(.timeLimit(.minutes(1))) struct ResolverTests {
    /// A name service that answers what it is told to, when it is let.
    final class Service: Sendable {
        let answer = Shared(HostLookup.found(["10.0.0.1"]))
        let asked = Shared(0)
        let isSilent = Shared(false)

        func answer(_ name: String) -> HostLookup {
            asked.update { $0 += 1 }
            while isSilent.value { usleep(1000) }
            return answer.value
        }
    }

    let service = Service()
    let resolver: Resolver

    init() {
        resolver = Resolver { [service] in service.answer($0) }
    }

    func addresses(within limit: Duration = .seconds(20)) throws -> [String] {
        try resolver.addresses(of: "db.example", by: Deadline(after: limit))
    }

    func reason(within limit: Duration = .seconds(20)) -> String {
        do { return "\(try addresses(within: limit))" } catch { return "\(error)" }
    }

    @Test func `each call asks anew`() throws {
        #expect(try addresses() == ["10.0.0.1"])
        service.answer.update { $0 = .found(["10.0.0.2", "10.0.0.3"]) }
        #expect(try addresses() == ["10.0.0.2", "10.0.0.3"])
    }

    @Test(arguments: ["127.0.0.1", "::1", "fe80::1%lo"]) func `an address is not looked up`(text: String) throws {
        #expect(try resolver.addresses(of: text, by: Deadline(after: .zero)) == [text])
        #expect(service.asked.value == 0)
    }

    @Test func `a caller waits no longer than its deadline, and gets the last known addresses`() throws {
        service.isSilent.update { $0 = true }
        defer { service.isSilent.update { $0 = false } }
        let began = ContinuousClock.now
        #expect(reason(within: .milliseconds(50)) == "cannot resolve the host db.example: no answer in time")
        #expect(ContinuousClock.now - began < .seconds(5))
        service.isSilent.update { $0 = false }
        #expect(try addresses() == ["10.0.0.1"])
        service.isSilent.update { $0 = true }
        #expect(try addresses(within: .milliseconds(50)) == ["10.0.0.1"])
    }

    @Test func `an answer that came too late is known to the next caller`() throws {
        service.isSilent.update { $0 = true }
        #expect(reason(within: .milliseconds(10)).hasSuffix("no answer in time"))
        service.isSilent.update { $0 = false }
        #expect(try addresses() == ["10.0.0.1"])
        service.answer.update { $0 = .unknown("Temporary failure in name resolution") }
        #expect(try addresses() == ["10.0.0.1"])
    }

    @Test func `many callers of one name share a lookup`() throws {
        service.isSilent.update { $0 = true }
        let found = Shared<[[String]]>([])
        let threads = try (0..<8).map { _ in
            try Thread.start(name: "caller") { [resolver] in
                let addresses = try? resolver.addresses(of: "db.example", by: Deadline(after: .seconds(20)))
                found.update { $0.append(addresses ?? []) }
            }
        }
        #expect(reason(within: .milliseconds(200)).hasSuffix("no answer in time"))
        service.isSilent.update { $0 = false }
        for thread in threads { thread.join() }
        #expect(found.value == Array(repeating: ["10.0.0.1"], count: 8))
        #expect(service.asked.value == 1)
    }

    @Test func `a silent name does not hold up another`() throws {
        let resolver = Resolver { [service] in $0 == "silent" ? service.answer($0) : .found(["10.0.0.9"]) }
        service.isSilent.update { $0 = true }
        defer { service.isSilent.update { $0 = false } }
        #expect(throws: ResolverError.self) { try resolver.addresses(of: "silent", by: Deadline(after: .zero)) }
        #expect(try resolver.addresses(of: "other", by: Deadline(after: .seconds(20))) == ["10.0.0.9"])
    }

    @Test func `a host that is gone is gone, whatever was known of it`() throws {
        #expect(try addresses() == ["10.0.0.1"])
        service.answer.update { $0 = .missing("Name or service not known") }
        #expect(reason() == "cannot resolve the host db.example: Name or service not known")
    }

    @Test func `the system knows this host, and not one that cannot be`() throws {
        let addresses = try Resolver.system.addresses(of: "localhost", by: Deadline(after: .seconds(20)))
        #expect(addresses.contains("127.0.0.1") || addresses.contains("::1"))
        #expect(throws: ResolverError.self) {
            try Resolver.system.addresses(of: "nowhere.invalid", by: Deadline(after: .seconds(20)))
        }
    }
}
