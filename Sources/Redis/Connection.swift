internal import CHiredis
internal import Glibc
internal import Service

/// One connection to Redis, owned by one thread; closes in `deinit`.
///
/// After `RedisError.connection` it is closed and of no further use: make a new one (`redisReconnect` forgets the
/// password, the database and the timeout).
package final class Connection {
    private var context: UnsafeMutablePointer<redisContext>?

    /// Connects (`redisConnectWithTimeout`), authenticates, selects the database, and sees the server answer.
    /// - Parameter timeout: the longest wait for all of that, and for every read and write after it.
    package init(
        host: String, port: UInt16, password: String?, database: Int, timeout: Duration
    ) throws(RedisError) {
        let deadline = Deadline(after: timeout)
        let context = try Connection.connect(host, port, by: Deadline(after: timeout / 2))
        self.context = context
        redisEnableKeepAlive(context)
        var hello = Commands()
        if let password { hello.command("AUTH", password) }
        hello.command("SELECT", "\(database)")
        redisSetTimeout(context, timeval(deadline.remaining))
        try send(hello)
        for _ in 0..<hello.count {
            redisSetTimeout(context, timeval(deadline.remaining))
            try reply().check()
        }
        redisSetTimeout(context, timeval(timeout))
    }

    /// Connects to the first of the host's addresses that takes a connection. A lookup gets half of the time, each address
    /// an equal share of the rest.
    private static func connect(
        _ host: String, _ port: UInt16, by deadline: Deadline
    ) throws(RedisError) -> UnsafeMutablePointer<redisContext> {
        var addresses: ArraySlice<String>
        do throws(ResolverError) {
            addresses = try Resolver.system.addresses(of: host, by: Deadline(after: deadline.remaining / 2))[...]
        } catch {
            throw .connection(error.description)
        }
        var failures: [String] = []
        while let address = addresses.first {
            let share = timeval(deadline.remaining / addresses.count)
            addresses.removeFirst()
            let context = redisConnectWithTimeout(address, Int32(port), share)
            if let context, context.pointee.err == 0 { return context }
            failures.append("\(host) (\(address)): \(Connection.fault(of: context))")
            if let context { redisFree(context) }
        }
        throw .connection(failures.joined(separator: "; "))
    }

    deinit { close() }

    package var isOpen: Bool { context != nil }

    /// To be polled for the reply of a blocking command; -1 when closed.
    package var fileDescriptor: Int32 { context?.pointee.fd ?? -1 }

    /// Writes a pipeline out. Each of its commands is owed one `reply()`.
    package func send(_ commands: borrowing Commands) throws(RedisError) {
        guard let context else { throw .connection("not connected") }
        let queued = commands.bytes.withUnsafeBytes {
            redisAppendFormattedCommand(context, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard queued == REDIS_OK else { throw broken() }
        var done: Int32 = 0
        while done == 0 {
            guard redisBufferWrite(context, &done) == REDIS_OK else { throw broken() }
        }
    }

    /// The next reply, waited for up to the timeout (`redisGetReply`). An error reply is returned, not thrown.
    package func reply() throws(RedisError) -> Reply {
        guard let context else { throw .connection("not connected") }
        var reply: UnsafeMutableRawPointer?
        guard redisGetReply(context, &reply) == REDIS_OK, let reply else { throw broken() }
        return Reply(reply.assumingMemoryBound(to: redisReply.self))
    }

    /// The next reply if all of it is here; never waits. With nil, poll `fileDescriptor` before the next call.
    package func replyIfReady() throws(RedisError) -> Reply? {
        guard let context else { throw .connection("not connected") }
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(context, &reply) == REDIS_OK else { throw broken() }
            if let reply { return Reply(reply.assumingMemoryBound(to: redisReply.self)) }
            var descriptor = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { return nil }
            guard redisBufferRead(context) == REDIS_OK else { throw broken() }
        }
    }

    package func close() {
        if let context { redisFree(context) }
        context = nil
    }

    private func broken() -> RedisError {
        defer { close() }
        return .connection(Connection.fault(of: context))
    }

    private static func fault(of context: UnsafeMutablePointer<redisContext>?) -> String {
        guard let context else { return "out of memory" }
        return withUnsafePointer(to: &context.pointee.errstr) {
            $0.withMemoryRebound(to: CChar.self, capacity: 128) { String(cString: $0) }
        }
    }
}

extension timeval {
    /// At least a millisecond: none at all would be no limit.
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = max(duration, .milliseconds(1)).components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
