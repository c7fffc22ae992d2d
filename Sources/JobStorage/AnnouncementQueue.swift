package import Jobs
package import Redis

/// Announces what one loop commits, and never waits for Redis: replies are read when they are there.
///
/// Each batch is written down, as it is committed, under a name of its own: that of a batch that Redis has taken meanwhile,
/// whose row it replaces, or a new one. What Redis has taken and no batch has replaced is struck out when there is time; what
/// it has not is left to the reconciler.
package struct AnnouncementQueue {
    /// How long Redis may owe a reply before it is taken for dead, and how long a batch that it has taken may stay written
    /// down. Together below the age at which the reconciler steps in.
    private static let patience: Duration = .seconds(2)
    private static let strikePause: Duration = .seconds(1)

    private struct Batch {
        let announcer: AnnouncerID
        var missingReplies: Int
        var isRefused = false
        let deadline: ContinuousClock.Instant
    }

    private let store: JobStore
    private let stream: JobStream
    /// Sent, and not answered in full.
    private var sent: [Batch] = []
    /// Answered in full, and not struck out.
    private var taken: Set<AnnouncerID> = []
    private var strikeAt = ContinuousClock.now

    package init(store: JobStore, stream: JobStream) {
        self.store = store
        self.stream = stream
    }

    /// Whether there is anything to do when there is time.
    package var hasWork: Bool { !sent.isEmpty || !taken.isEmpty }

    /// A name to write the next batch down under. From then on nothing is struck out under it, until that batch was announced.
    package mutating func takeName() -> AnnouncerID { taken.popFirst() ?? .random() }

    /// Sends a message for each job that was committed under `name`; to be called with none too.
    /// - Throws: where Redis is away. Whatever it has not answered is then left to the reconciler, as is what it refuses.
    package mutating func announce(_ ids: [JobID], under name: AnnouncerID) throws(RedisError) {
        // Of a batch that made nothing there is no row; but there may be that of the batch that had the name before.
        guard !ids.isEmpty else { return _ = taken.insert(name) }
        do throws(RedisError) { try stream.announce(ids) } catch {
            sent.removeAll()
            throw error
        }
        sent.append(Batch(announcer: name, missingReplies: ids.count, deadline: .now + Self.patience))
    }

    /// Strikes out what Redis has taken, unless that was done a moment ago.
    /// - Returns: as `collect`.
    @discardableResult
    package mutating func strikeOut() throws -> Bool {
        guard hasWork, .now >= strikeAt else { return false }
        strikeAt = .now + Self.strikePause
        let takes = try collect()
        guard !taken.isEmpty else { return takes }
        // Whether or not that is known to succeed, none of these names is used again.
        let names = Array(taken)
        taken.removeAll()
        try store.forget(names)
        return takes
    }

    /// Reads what Redis has answered by now.
    /// - Returns: whether it has taken anything.
    @discardableResult
    package mutating func collect() throws(RedisError) -> Bool {
        guard let oldest = sent.first else { return false }
        let (answers, refusal) = try read(oldest)
        // Which of these it is about is not worth telling apart.
        if refusal != nil { for index in sent.indices { sent[index].isRefused = true } }
        var left = answers
        while left > 0, !sent.isEmpty {
            let read = min(left, sent[0].missingReplies)
            left -= read
            sent[0].missingReplies -= read
            guard sent[0].missingReplies == 0 else { break }
            let batch = sent.removeFirst()
            if !batch.isRefused { taken.insert(batch.announcer) }
        }
        if let refusal { throw refusal }
        return answers > 0
    }

    private mutating func read(_ oldest: Batch) throws(RedisError) -> (answers: Int, refusal: RedisError?) {
        do throws(RedisError) {
            let answered = try stream.confirmed()
            if answered.answers == 0, oldest.deadline < .now {
                stream.disconnect()
                throw RedisError.connection("no answer in \(Self.patience)")
            }
            return answered
        } catch {
            sent.removeAll()
            throw error
        }
    }
}
