import CLinux
import Glibc

/// A detached thread outside Swift's cooperative pool, for work that blocks.
enum CommandThread {
    /// Runs `body` on a new thread with all signals blocked, so that none that is meant for the process ends up there.
    ///
    /// The corresponding C function is `pthread_create`.
    ///
    /// - Parameter name: At most 15 bytes.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(CommandError) {
        var all = sigset_t()
        var old = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }

        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                linux_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard error == 0 else {
            start.release()
            throw CommandError("pthread_create", error)
        }
        pthread_detach(thread)
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
