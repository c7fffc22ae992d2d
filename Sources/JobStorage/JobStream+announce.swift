package import Jobs
package import Redis

extension JobStream {
    /// Writes a message for each job out to Redis, and does not wait for its answers: `confirm()` does.
    package func announce(_ ids: [JobID]) throws(RedisError) {
        guard !ids.isEmpty else { return }
        let connection = try connect()
        commands.removeAll()
        for id in ids { commands.announce(id) }
        try closingOnFailure { () throws(RedisError) in try connection.send(commands) }
        unconfirmed += ids.count
    }

    /// Waits until Redis has taken every message that was announced.
    package func confirm() throws(RedisError) {
        guard unconfirmed > 0 else { return }
        let count = unconfirmed
        unconfirmed = 0
        guard let connection, connection.isOpen else { throw .connection("the connection broke before Redis answered") }
        try closingOnFailure { () throws(RedisError) in try readReplies(count, from: connection) }
    }
}

extension Commands {
    mutating func announce(_ id: JobID) {
        begin(arguments: 7)
        add("XADD")
        add(JobStream.key)
        add("*")
        add("v")
        add(Message.version)
        add("id")
        add(id.rawValue)
    }

    /// What is done with messages is taken out of the group and out of the stream.
    mutating func acknowledge(_ messages: [StreamID]) {
        guard !messages.isEmpty else { return }
        begin(arguments: 3 + messages.count)
        add("XACK")
        add(JobStream.key)
        add(JobStream.group)
        for message in messages { add(message.description) }
        begin(arguments: 2 + messages.count)
        add("XDEL")
        add(JobStream.key)
        for message in messages { add(message.description) }
    }
}
