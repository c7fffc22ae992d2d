internal import Redis

/// The stream in Redis that wakes the workers: made when it is first needed, and made again when it broke. Owned by one
/// thread. Nothing here is the truth: whatever is lost is announced again from PostgreSQL.
package final class JobStream {
    package static let key: StaticString = "jobs"
    package static let group: StaticString = "workers"
    /// All workers read under one name. Which of them died with a message in hand is told by the message's age, and no
    /// worker leaves a name behind for somebody to clean up.
    static let consumer: StaticString = "worker"
    /// How long after a failure to say so at once, without trying again.
    static let reconnectPause: Duration = .seconds(1)

    private let address: RedisAddress
    private let timeout: Duration
    var connection: Connection?
    private var retryAt = ContinuousClock.now
    private var lastFailure = RedisError.connection("not connected")
    var commands = Commands()
    /// How many replies of announcements are still to be read.
    var unconfirmed = 0
    /// How many replies come before that of the fetch.
    var unreadAcknowledgements = 0

    /// - Parameter timeout: the longest wait for Redis, to connect as to answer.
    package init(_ address: RedisAddress, timeout: Duration) {
        self.address = address
        self.timeout = timeout
    }

    /// To be polled while a fetch is under way; -1 without a connection.
    package var fileDescriptor: Int32 { connection?.fileDescriptor ?? -1 }

    package var isConnected: Bool { connection?.isOpen == true }

    func connect() throws(RedisError) -> Connection {
        if let connection, connection.isOpen { return connection }
        connection = nil
        guard ContinuousClock.now >= retryAt else { throw lastFailure }
        do {
            let made = try Connection(
                host: address.host, port: address.port, password: address.password, database: address.database,
                timeout: timeout)
            connection = made
            return made
        } catch {
            lastFailure = error
            retryAt = .now + JobStream.reconnectPause
            throw error
        }
    }

    /// Closes the connection, and lets Redis alone for a moment.
    package func disconnect() {
        connection = nil
        unconfirmed = 0
        retryAt = .now + JobStream.reconnectPause
    }

    /// Runs the pipeline that was put together in `commands`; the replies are passed on in order.
    func run(_ take: (borrowing Reply) -> Void = { _ in }) throws(RedisError) {
        let connection = try connect()
        try closingOnFailure { () throws(RedisError) in
            try connection.send(commands)
            try readReplies(commands.count, from: connection, take)
        }
    }

    /// Reads all of the replies, whatever they say, since one that is left would be taken for the next command's; then
    /// throws the first error among them.
    func readReplies(
        _ count: Int, from connection: Connection, _ take: (borrowing Reply) -> Void = { _ in }
    ) throws(RedisError) {
        var failure: RedisError?
        for _ in 0..<count {
            let reply = try connection.reply()
            do { try reply.check() } catch { failure = failure ?? error }
            take(reply)
        }
        if let failure { throw failure }
    }

    /// Gives a connection up that broke in the middle of `body`, or that leads to a server of no use.
    func closingOnFailure<Value>(_ body: () throws(RedisError) -> Value) throws(RedisError) -> Value {
        do { return try body() } catch {
            if error.isOutage { disconnect() }
            throw error
        }
    }
}
