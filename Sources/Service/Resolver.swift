internal import Synchronization

/// Finds the addresses of host names, and lets no caller wait longer than it wants to: `getaddrinfo` has no deadline, and
/// where a name server is silent it takes many seconds.
///
/// A lookup runs on a thread of its own, one at a time for each name however many ask. Its answer is kept even if it comes
/// too late for those who asked.
package final class Resolver: Sendable {
    /// The one that asks the system.
    package static let system = Resolver(HostLookup.init(asking:))

    private let lookUp: @Sendable (String) -> HostLookup
    private let names = Mutex<[String: Name]>([:])

    private struct Name {
        var underWay: Lookup?
        /// The addresses of the last lookup that found any.
        var known: [String] = []
    }

    /// - Parameter lookUp: asks a name service, and may block.
    package init(_ lookUp: @escaping @Sendable (String) -> HostLookup) {
        self.lookUp = lookUp
    }

    /// The addresses of a host, the best one first; an address is its own. Where no answer comes before the deadline, or
    /// only that it cannot be told now, the last known addresses are used.
    package func addresses(of host: String, by deadline: Deadline) throws(ResolverError) -> [String] {
        if let literal = HostLookup.literal(host) { return literal }
        let answer: HostLookup
        do throws(SystemError) {
            let lookup = try lookup(of: host)
            answer = lookup.answer(by: deadline) ?? .unknown("no answer in time")
        } catch {
            answer = .unknown(error.description)
        }
        switch answer {
        case .found(let addresses): return addresses
        case .missing(let reason): throw ResolverError(host: host, reason: reason)
        case .unknown(let reason):
            let known = names.withLock { $0[host]?.known ?? [] }
            if known.isEmpty { throw ResolverError(host: host, reason: reason) }
            return known
        }
    }

    /// The lookup that is under way, or a new one.
    private func lookup(of host: String) throws(SystemError) -> Lookup {
        try names.withLock { names throws(SystemError) in
            if let lookup = names[host]?.underWay { return lookup }
            let lookup = try Lookup()
            _ = try Thread.start(name: "resolver") { [self] in
                let answer = lookUp(host)
                finish(host, answer)
                lookup.end(answer)
            }
            names[host, default: Name()].underWay = lookup
            return lookup
        }
    }

    private func finish(_ host: String, _ answer: HostLookup) {
        names.withLock { names in
            names[host]?.underWay = nil
            if case .found(let addresses) = answer { names[host]?.known = addresses }
        }
    }
}

/// One lookup, and whoever waits for it.
private final class Lookup: Sendable {
    private let answer = Mutex<HostLookup?>(nil)
    /// Is never drained, so that it wakes all.
    private let done: Wakeup

    init() throws(SystemError) { done = try Wakeup() }

    func end(_ answer: HostLookup) {
        self.answer.withLock { $0 = answer }
        done.signal()
    }

    /// Nil where the deadline passed first.
    func answer(by deadline: Deadline) -> HostLookup? {
        _ = done.wait(until: deadline)
        return answer.withLock { $0 }
    }
}

/// Why the addresses of a host were not found.
package struct ResolverError: Error, Hashable, CustomStringConvertible {
    package let host: String
    package let reason: String

    package var description: String { "cannot resolve the host \(host): \(reason)" }
}
