package import Redis

extension JobStream {
    /// Acknowledges messages that are done with, and asks for up to `count` new ones; `fetched()` has them when
    /// `fileDescriptor` turns readable. Redis answers at the latest after `wait`, with none.
    package func fetch(count: Int, wait: Duration, acknowledging done: [StreamID]) throws(RedisError) {
        let connection = try connect()
        commands.removeAll()
        commands.acknowledge(done)
        unreadAcknowledgements = commands.count
        commands.begin(arguments: 11)
        for word in ["XREADGROUP", "GROUP"] as [StaticString] { commands.add(word) }
        commands.add(JobStream.group)
        commands.add(JobStream.consumer)
        commands.add("COUNT")
        commands.add(Int64(count))
        commands.add("BLOCK")
        commands.add(Int64(wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000))
        commands.add("STREAMS")
        commands.add(JobStream.key)
        commands.add(">")
        try closingOnFailure { () throws(RedisError) in try connection.send(commands) }
    }

    /// The messages that were fetched; nil while Redis has not answered.
    package func fetched() throws(RedisError) -> [Message]? {
        let connection = try connect()
        return try closingOnFailure { () throws(RedisError) in
            while unreadAcknowledgements > 0 {
                guard let reply = try connection.replyIfReady() else { return nil }
                unreadAcknowledgements -= 1
                try reply.check()
            }
            guard let reply = try connection.replyIfReady() else { return nil }
            try reply.check()
            return reply.value[0]?[1].map(Message.all) ?? []
        }
    }

    package func acknowledge(_ done: [StreamID]) throws(RedisError) {
        guard !done.isEmpty else { return }
        commands.removeAll()
        commands.acknowledge(done)
        try run()
    }

    /// Makes the stream and its group, from the stream's very first message on: from `$` on, what is there already would
    /// never be seen. Where there was none, messages may be gone: the next turn of the reconciler looks through all of them.
    /// - Returns: false where there was one.
    package func makeGroup() throws(RedisError) -> Bool {
        commands.removeAll()
        // Before the group: whoever dies in between leaves a group that is missing, never an audit that is missing.
        commands.command("DEL", JobStream.mark)
        commands.command("XGROUP", "CREATE", "\(JobStream.key)", "\(JobStream.group)", "0", "MKSTREAM")
        do {
            try run()
            return true
        } catch {
            guard error.code == "BUSYGROUP" else { throw error }
            return false
        }
    }
}
