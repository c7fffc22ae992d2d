internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of our own, for calls that block: on Swift's pool they would hold up everything else.
package final class Thread: Sendable {
    private let id: pthread_t
    private let isJoined = Mutex(false)

    private init(id: pthread_t) {
        self.id = id
    }

    deinit {
        if !isJoined.withLock({ $0 }) { pthread_detach(id) }
    }

    /// Starts a thread in which no signal is delivered. Let go without ``join()``, it runs on by itself.
    ///
    /// The corresponding C function is `pthread_create`.
    ///
    /// - Parameters:
    ///   - name: what `ps -L` and `top -H` show; the kernel keeps 15 bytes of it.
    ///   - body: what it runs.
    /// - Throws: ``SystemError`` where the system has no thread left to give.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> Thread {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        // The mask is inherited. Set by the thread itself, it would leave a moment in which a signal lands there.
        let mask = SignalSet.asynchronous.install()
        defer { mask.install() }
        var id = pthread_t()
        let code = pthread_create(&id, nil, { Start.run($0) }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        return Thread(id: id)
    }

    /// Waits until the thread has ended. Any number of threads may wait, but for itself it would wait for ever.
    package func join() {
        isJoined.withLock { isJoined in
            if !isJoined { pthread_join(id, nil) }
            isJoined = true
        }
    }
}

/// What a new thread is handed.
private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    /// The thread's first function; takes over the reference it is given.
    static func run(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let pointer else { return nil }
        let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
        linux_name_thread(start.name)
        start.body()
        return nil
    }
}
