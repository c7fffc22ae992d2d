package import Jobs
package import Redis

/// Announces what one loop commits, and never waits for Redis: answers are read when they are there.
///
/// Each batch is written down, as it is committed, under a name of its own: that of a batch that Redis has taken meanwhile,
/// whose row it replaces, or a new one. What Redis has taken and no batch has replaced is struck out when there is time; what
/// it has not is left to the reconciler.
package struct AnnouncementQueue {
    /// How often a name is used. Each use leaves a dead entry in the index, and where an old snapshot keeps those (a backup), each
    /// statement under that name goes through all of them.
    package static let usesOfAName = 64
    /// How often Redis is asked whether it is there, and how long its answer may take.
    package static let pingPause: Duration = .milliseconds(100)
    static let pingLimit: Duration = .milliseconds(50)
    /// How long Redis may owe an answer before it is taken for dead, and how long a batch that it has taken may stay written
    /// down. Together below the age at which the reconciler steps in.
    private static let patience: Duration = .seconds(2)
    private static let strikePause: Duration = .seconds(1)

    /// Sent, and owed answers.
    private enum Sent {
        case batch(AnnouncerID, uses: Int)
        case ping
    }

    private struct Debt {
        let sent: Sent
        var missingAnswers: Int
        var isRefused = false
        let sentAt: ContinuousClock.Instant
    }

    private let store: JobStore
    private let stream: JobStreamWriter
    /// Not answered in full; in the order of the answers.
    private var debts: [Debt] = []
    /// Answered in full, and not struck out: how often each name was used.
    private var taken: [AnnouncerID: Int] = [:]
    /// Answered in full, and not to be used again.
    private var spent: [AnnouncerID] = []
    /// The name that was taken last, and how often it was used before.
    private var last = (name: AnnouncerID.random(), uses: 0)
    private var strikeAt = ContinuousClock.now
    private var pingAt = ContinuousClock.now
    /// What the last PING came to.
    private var answersPing = true

    package init(store: JobStore, stream: JobStreamWriter) {
        self.store = store
        self.stream = stream
    }

    /// Whether there is anything to do when there is time.
    package var hasWork: Bool { !debts.isEmpty || hasTaken || !stream.isConnected }

    /// Whether some of it is to be sent as soon as there is room in the socket.
    package var isSending: Bool { stream.hasUnsent }

    private var hasTaken: Bool { !taken.isEmpty || !spent.isEmpty }

    /// A name to write the next batch down under. From then on nothing is struck out under it, until that batch was announced.
    package mutating func takeName() -> AnnouncerID {
        last = taken.popFirst().map { ($0.key, $0.value) } ?? (.random(), 0)
        return last.name
    }

    /// Sends a message for each job that was committed under `name`; to be called with none too.
    /// - Throws: where Redis is away. Whatever it has not answered is then left to the reconciler, as is what it refuses.
    package mutating func announce(_ ids: [JobID], under name: AnnouncerID) throws(RedisError) {
        let uses = (name == last.name ? last.uses : 0) + 1
        // Of a batch that made nothing there is no row; but there may be that of the batch that had the name before.
        guard !ids.isEmpty else { return keep(name, uses: uses) }
        try leavingAllOnFailure { queue throws(RedisError) in
            try queue.stream.announce(ids)
            queue.debts.append(Debt(sent: .batch(name, uses: uses), missingAnswers: ids.count, sentAt: .now))
        }
    }

    /// Strikes out what Redis has taken, unless that was done a moment ago.
    /// - Returns: as `collect`.
    @discardableResult
    package mutating func strikeOut() throws -> Bool {
        guard hasWork, isSending || .now >= strikeAt else { return false }
        let takes = try collect()
        guard .now >= strikeAt else { return takes }
        strikeAt = .now + Self.strikePause
        guard hasTaken else { return takes }
        // Whether or not that is known to succeed, none of these names is used again.
        let names = spent + taken.keys
        taken.removeAll()
        spent.removeAll()
        try store.forget(names)
        return takes
    }

    /// Reads what Redis has answered by now.
    /// - Returns: whether it has taken anything.
    @discardableResult
    package mutating func collect(now: ContinuousClock.Instant = .now) throws(RedisError) -> Bool {
        stream.connect()
        guard !debts.isEmpty else { return false }
        return try leavingAllOnFailure { queue throws(RedisError) in try queue.readAnswers(now) }
    }

    /// Whether Redis answers, as far as that is known without waiting: it is asked now, and the next call tells.
    package mutating func redisAnswers(now: ContinuousClock.Instant = .now) throws(RedisError) -> Bool {
        try collect(now: now)
        guard stream.isConnected else { return false }
        try leavingAllOnFailure { queue throws(RedisError) in
            // A connection that was closed can be read, with nothing owed too.
            if queue.debts.isEmpty { _ = try queue.stream.answer() }
            guard queue.pingSentAt == nil, now >= queue.pingAt else { return }
            queue.pingAt = now + Self.pingPause
            try queue.stream.ping()
            queue.debts.append(Debt(sent: .ping, missingAnswers: 1, sentAt: now))
        }
        return answersPing && pingSentAt.map { now < $0 + Self.pingLimit } ?? true
    }

    private var pingSentAt: ContinuousClock.Instant? {
        debts.first { if case .ping = $0.sent { true } else { false } }?.sentAt
    }

    private mutating func readAnswers(_ now: ContinuousClock.Instant) throws(RedisError) -> Bool {
        var takes = false
        var refusal: RedisError?
        while !debts.isEmpty, let answer = try stream.answer() {
            debts[0].missingAnswers -= 1
            if case .refused(let error) = answer {
                debts[0].isRefused = true
                refusal = refusal ?? error
            }
            guard debts[0].missingAnswers == 0 else { continue }
            let debt = debts.removeFirst()
            switch debt.sent {
            case .ping: answersPing = !debt.isRefused
            case .batch(let name, let uses) where !debt.isRefused:
                keep(name, uses: uses)
                takes = true
            case .batch: break
            }
        }
        if let refusal { throw refusal }
        if let oldest = debts.first, oldest.sentAt + Self.patience < now {
            let error = RedisError.connection("no answer in \(Self.patience)")
            stream.disconnect(because: error)
            throw error
        }
        return takes
    }

    private mutating func keep(_ name: AnnouncerID, uses: Int) {
        if uses < Self.usesOfAName { taken[name] = uses } else { spent.append(name) }
    }

    /// Without a connection nothing that was sent is answered any more: it is left to the reconciler.
    private mutating func leavingAllOnFailure<Value>(
        _ body: (inout AnnouncementQueue) throws(RedisError) -> Value
    ) throws(RedisError) -> Value {
        do throws(RedisError) { return try body(&self) } catch {
            if !stream.isConnected {
                debts.removeAll()
                answersPing = true
            }
            throw error
        }
    }
}
