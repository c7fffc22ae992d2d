package import Jobs
package import Redis

/// The stream for a thread that must never wait for Redis: announces jobs, and reads the answers that are there.
///
/// Connections are made on other threads and looked for here. Owned by one thread.
package final class JobStreamWriter {
    /// The most bytes that may wait for room in the socket: a Redis that reads none of some 17 000 announcements is away.
    static let unsentLimit = 1 << 20
    /// How long an attempt to connect may wait for the server.
    static let connectTimeout: Duration = .seconds(2)

    package enum Answer {
        case taken
        case refused(RedisError)
    }

    private let connector: JobStreamConnector
    private var connection: Connection?
    private var retryAt = ContinuousClock.now
    private var lastFailure = RedisError.connection("not connected yet")
    private var unsent = Commands()

    /// Begins to connect.
    /// - Parameter background: runs a body on another thread.
    package init(
        _ address: RedisAddress, background: @escaping @Sendable (@escaping @Sendable () -> Void) throws -> Void
    ) {
        connector = JobStreamConnector(address, timeout: JobStreamWriter.connectTimeout, background: background)
        connector.begin()
    }

    package var isConnected: Bool { connection?.isOpen == true }

    /// Whether a part of what was announced has yet to find room in the socket.
    package var hasUnsent: Bool { !unsent.isEmpty }

    /// Takes a connection over that was made meanwhile, or has one made.
    package func connect() {
        guard !isConnected else { return }
        switch connector.takeResult() {
        case .success(let made): connection = made
        case .failure(let error): disconnect(because: error)
        case nil: if .now >= retryAt { connector.begin() }
        }
    }

    /// Writes a message for each job out; each is owed one answer.
    package func announce(_ ids: [JobID]) throws(RedisError) {
        try send { for id in ids { $0.announce(id) } }
    }

    /// Asks Redis whether it is there; one answer is owed.
    package func ping() throws(RedisError) {
        try send { $0.command("PING") }
    }

    /// The next answer, where it is here; nil where it is not.
    package func answer() throws(RedisError) -> Answer? {
        guard let connection, connection.isOpen else { throw lastFailure }
        do throws(RedisError) {
            if hasUnsent { try connection.sendWithoutWaiting(&unsent) }
            guard let reply = try connection.replyIfReady() else { return nil }
            do throws(RedisError) { try reply.check() } catch {
                if error.isOutage { throw error }
                return .refused(error)
            }
            return .taken
        } catch {
            disconnect(because: error)
            throw error
        }
    }

    /// Gives the connection up, and lets Redis alone for a moment.
    package func disconnect(because error: RedisError) {
        connection = nil
        unsent.removeAll()
        lastFailure = error
        retryAt = .now + JobStream.reconnectPause
    }

    private func send(_ add: (inout Commands) -> Void) throws(RedisError) {
        connect()
        guard let connection, connection.isOpen else { throw lastFailure }
        add(&unsent)
        do throws(RedisError) {
            try connection.sendWithoutWaiting(&unsent)
            guard unsent.size <= JobStreamWriter.unsentLimit else {
                throw .connection("it reads nothing of what it is sent")
            }
        } catch {
            disconnect(because: error)
            throw error
        }
    }
}
