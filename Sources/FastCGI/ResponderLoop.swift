internal import CFCGI
internal import CLinux
internal import Glibc

/// Answers what a loop has gathered; made and used on that loop's thread.
package protocol BatchResponder: AnyObject {
    /// Writes a response to every request of the batch.
    func respond(to batch: [Request])

    /// Called when the responses have been sent: for what no client has to wait for.
    func settle()

    /// Called when no request came for `idleDelay` milliseconds.
    func idle()

    /// After how many milliseconds without a request to call `idle()`; -1 for never.
    var idleDelay: Int32 { get }
}

/// One responder: a loop that takes every request that is ready, has all of them answered as one batch, and goes round.
///
/// While a batch is answered the next one gathers in the sockets, so batches grow with the load and nothing ever waits for
/// a batch to fill. Kept connections wait in epoll: an idle one holds a descriptor and no thread.
package struct ResponderLoop: ~Copyable {
    /// The most events taken from epoll at once, and so the most requests in a batch.
    package static let batchLimit = 512
    /// The most connections accepted in one round: the rest is left to other loops and processes.
    static let acceptLimit = 8
    /// How long no connection is accepted where there is no descriptor or no memory left for one: it waits in the backlog.
    static let acceptPause: Duration = .milliseconds(50)
    /// How long a draining loop waits for requests that were already on their way.
    static let drainWait: Int32 = 50

    private let listener: Listener
    private let epoll: Int32
    private let stop: Int32
    /// By descriptor.
    private var connections: [Request?] = []
    /// When to accept again, where that is not at once.
    private var acceptAt: ContinuousClock.Instant?

    /// Sets the library up (`FCGX_Init`), once a process and before the first loop.
    package static func initializeLibrary() { FCGX_Init() }

    /// - Parameter stop: a descriptor that turns readable, and stays so, when the loop is to drain and return.
    package init(listener: Listener, stop: Int32) throws(FastCGIError) {
        self.listener = listener
        self.stop = stop
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw FastCGIError("epoll_create1") }
        try watchListener()
        try watch(stop, EPOLLIN.rawValue)
    }

    deinit { close(epoll) }

    /// Serves until `stop` turns readable; then finishes what is on its way, closes every connection, and returns.
    package mutating func run(_ responder: some BatchResponder) throws(FastCGIError) {
        let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: ResponderLoop.batchLimit)
        defer { events.deallocate() }
        var batch: [Request] = []
        batch.reserveCapacity(events.count)
        var draining = false
        while true {
            let timeout = draining ? ResponderLoop.drainWait : wait(atMost: responder.idleDelay)
            let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), timeout)
            if count == 0 && draining { return connections.removeAll() }
            if count == 0 { responder.idle() }
            guard count >= 0 || errno == EINTR else { throw FastCGIError("epoll_wait") }
            if let acceptAt, .now >= acceptAt { try watchListener() }
            for event in events.prefix(Int(max(0, count))) {
                switch event.data.fd {
                case listener.fileDescriptor: acceptConnections()
                case stop:
                    draining = true
                    unwatch(stop)
                    unwatch(listener.fileDescriptor)
                    acceptAt = nil
                case let descriptor: read(from: descriptor, into: &batch)
                }
            }
            guard !batch.isEmpty else { continue }
            responder.respond(to: batch)
            for request in batch { request.finish(keep: !draining) }
            responder.settle()
            batch.removeAll(keepingCapacity: true)
            forgetClosed(events.prefix(Int(count)))
        }
    }

    private mutating func acceptConnections() {
        for _ in 0..<ResponderLoop.acceptLimit {
            let descriptor = linux_accept(listener.fileDescriptor)
            if descriptor < 0 {
                if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) { pauseAccepting() }
                return
            }
            let request = Request(descriptor: descriptor)
            while connections.count <= Int(descriptor) { connections.append(nil) }
            connections[Int(descriptor)] = request
            do { try watch(descriptor, EPOLLIN.rawValue) } catch { connections[Int(descriptor)] = nil }
        }
    }

    /// The loop would spin on a connection that it cannot accept.
    private mutating func pauseAccepting() {
        unwatch(listener.fileDescriptor)
        acceptAt = .now + ResponderLoop.acceptPause
    }

    private mutating func watchListener() throws(FastCGIError) {
        // One loop, not all of them, wakes up for a new connection.
        try watch(listener.fileDescriptor, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
        acceptAt = nil
    }

    /// A time for `epoll_wait`, -1 for never.
    private func wait(atMost delay: Int32) -> Int32 {
        guard acceptAt != nil else { return delay }
        let pause = Int32(ResponderLoop.acceptPause / .milliseconds(1))
        return delay < 0 ? pause : min(delay, pause)
    }

    private mutating func read(from descriptor: Int32, into batch: inout [Request]) {
        guard let request = connections[Int(descriptor)] else { return }
        if request.read() { batch.append(request) } else { connections[Int(descriptor)] = nil }
    }

    private mutating func forgetClosed(_ events: Slice<UnsafeMutableBufferPointer<epoll_event>>) {
        for event in events {
            let index = Int(event.data.fd)
            if index < connections.count, let request = connections[index], !request.isOpen { connections[index] = nil }
        }
    }

    private func watch(_ descriptor: Int32, _ events: UInt32) throws(FastCGIError) {
        var event = epoll_event(events: events, data: epoll_data(fd: descriptor))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw FastCGIError("epoll_ctl") }
    }

    private func unwatch(_ descriptor: Int32) { epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil) }
}
