package import Jobs
package import Redis

extension JobStream {
    /// Where the last turn of the reconciler left its mark, beside the stream.
    static let mark = "\(key):reconciled"

    /// What Redis says of itself at the reconciler's turn.
    package struct Condition: Sendable {
        /// Another one after every start of a Redis server, and on another server.
        package let runID: String
        /// The turn before this one that left its mark here; nil where nothing of it is left.
        package let previousRound: Int64?
        /// How many messages there are, fetched and not yet acknowledged ones among them.
        package let length: Int64
    }

    /// Leaves the mark of this turn, and tells what was there.
    package func mark(round: Int64) throws(RedisError) -> Condition {
        commands.removeAll()
        commands.command("SET", JobStream.mark, "\(round)", "GET")
        commands.command("INFO", "server")
        commands.command("XLEN", "\(JobStream.key)")
        var replies: [String?] = []
        var length: Int64 = 0
        try run {
            replies.append($0.value.text)
            length = $0.value.integer ?? 0
        }
        let runID = replies[1]?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }?.dropFirst(7)
        return Condition(
            runID: runID.map(String.init) ?? "", previousRound: replies[0].flatMap { Int64($0) }, length: length)
    }

    /// The last message that a worker has fetched. Zero where there is no group: the first is yet to come.
    package func lastDelivered() throws(RedisError) -> StreamID {
        commands.removeAll()
        commands.command("XINFO", "GROUPS", "\(JobStream.key)")
        var last: StreamID?
        do {
            try run { groups in
                // Each group is a list of names and values: `name workers … last-delivered-id 1795457940123-0 …`.
                for index in 0..<groups.value.count {
                    guard let group = groups.value[index], group.member("name")?.text == "\(JobStream.group)" else {
                        continue
                    }
                    last = group.member("last-delivered-id")?.bytes.flatMap { StreamID($0) }
                }
            }
        } catch {
            // No stream.
            guard error.code == "ERR" else { throw error }
        }
        return last ?? .zero
    }

    /// A page of the stream's messages, in order, after `id`.
    package func messages(after id: StreamID, count: Int) throws(RedisError) -> [Message] {
        commands.removeAll()
        commands.command("XRANGE", "\(JobStream.key)", "(\(id)", "+", "COUNT", "\(count)")
        var messages: [Message] = []
        try run { messages = Message.all($0.value) }
        return messages
    }

    /// Announces anew what was fetched `age` ago and neither claimed nor acknowledged: whoever had it is gone.
    /// - Returns: the jobs that were announced.
    package func announceStranded(age: Duration, limit: Int) throws(RedisError) -> [JobID] {
        commands.removeAll()
        commands.command(
            "XAUTOCLAIM", "\(JobStream.key)", "\(JobStream.group)", "\(JobStream.consumer)",
            "\(age.components.seconds * 1000)", "0", "COUNT", "\(limit)")
        var stranded: [Message] = []
        do { try run { stranded = $0.value[1].map(Message.all) ?? [] } } catch {
            guard error.code == "NOGROUP" else { throw error }
        }
        try announceAnew(stranded)
        return stranded.compactMap(\.jobID)
    }

    /// Puts messages that were fetched and not used at the end of the stream, for another worker.
    ///
    /// All of it or nothing: a full Redis refuses new messages and would still delete the old ones. `EXEC` does nothing where a
    /// command was refused before it.
    package func announceAnew(_ messages: [Message]) throws(RedisError) {
        guard !messages.isEmpty else { return }
        commands.removeAll()
        commands.command("MULTI")
        for id in messages.compactMap(\.jobID) { commands.announce(id) }
        commands.acknowledge(messages.map(\.streamID))
        commands.command("EXEC")
        try run()
    }
}

extension Reply.Value {
    /// A value of a list of names and values.
    fileprivate func member(_ name: String) -> Reply.Value? {
        for index in stride(from: 0, to: count, by: 2) where self[index]?.text == name { return self[index + 1] }
        return nil
    }
}
