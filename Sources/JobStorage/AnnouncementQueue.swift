package import Jobs
package import Redis

/// Announces what one loop commits, and never waits for Redis: replies are read when they are there.
///
/// Each batch is written down under `current` as it is committed. While Redis has not taken the last batch, the next is
/// written down under another name. What Redis has taken is struck out when there is time; what it has not is left to the
/// reconciler.
package struct AnnouncementQueue {
    /// How long Redis may owe a reply before it is taken for dead, and how long a batch that it has taken may stay written
    /// down. Together below the age at which the reconciler steps in.
    private static let patience: Duration = .seconds(2)
    private static let strikePause: Duration = .seconds(1)

    private struct Batch {
        let announcer: AnnouncerID
        var missingReplies: Int
        let deadline: ContinuousClock.Instant
    }

    private let store: JobStore
    private let stream: JobStream
    /// Sent, and not answered in full.
    private var sent: [Batch] = []
    /// Answered in full, and not struck out.
    private var taken: Set<AnnouncerID> = []
    private var strikeAt = ContinuousClock.now
    /// The name under which the next batch is to be written down.
    package var current = AnnouncerID.random()
    /// The name of a batch that was taken, and that the next one may replace.
    private var replaceable: AnnouncerID?

    package init(store: JobStore, stream: JobStream) {
        self.store = store
        self.stream = stream
    }

    /// Whether there is anything to do when there is time.
    package var hasWork: Bool { !sent.isEmpty || !taken.isEmpty }

    /// To be called before a batch is committed: from then on nothing may be struck out under `current`.
    package mutating func prepare() throws(RedisError) {
        try collect()
        if !sent.isEmpty { current.renew() }
        replaceable = taken.remove(current)
    }

    /// Sends a message for each job that was committed; to be called after each `prepare()`, even with none.
    /// - Throws: where Redis is away. Whatever it has not answered is then left to the reconciler.
    package mutating func announce(_ ids: [JobID]) throws(RedisError) {
        defer { replaceable = nil }
        guard !ids.isEmpty else {
            if replaceable == current { taken.insert(current) }
            return
        }
        do throws(RedisError) { try stream.announce(ids) } catch {
            giveUp()
            throw error
        }
        sent.append(Batch(announcer: current, missingReplies: ids.count, deadline: .now + Self.patience))
    }

    /// Strikes out what Redis has taken, unless that was done a moment ago.
    package mutating func strikeOut() throws {
        guard hasWork, .now >= strikeAt else { return }
        strikeAt = .now + Self.strikePause
        try collect()
        guard !taken.isEmpty else { return }
        try store.forget(Array(taken))
        taken.removeAll()
    }

    private mutating func collect() throws(RedisError) {
        guard let oldest = sent.first else { return }
        do throws(RedisError) {
            var replies = try stream.confirmed()
            while replies > 0, !sent.isEmpty {
                let read = min(replies, sent[0].missingReplies)
                replies -= read
                sent[0].missingReplies -= read
                if sent[0].missingReplies == 0 { taken.insert(sent.removeFirst().announcer) }
            }
            if !sent.isEmpty, oldest.deadline < .now {
                stream.disconnect()
                throw RedisError.connection("no answer in \(Self.patience)")
            }
        } catch {
            giveUp()
            throw error
        }
    }

    private mutating func giveUp() {
        sent.removeAll()
        current.renew()
    }
}
