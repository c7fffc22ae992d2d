internal import Glibc

/// How the process takes signals: none interrupts a thread, one thread waits for those that end the service.
package enum Signals {
    /// The signals that ask for a shutdown.
    package static let shutdown: [Int32] = [SIGTERM, SIGINT]

    /// Blocks the signals that would end the process or cut a system call short.
    ///
    /// Call it first in `main`: a thread inherits the mask of the one that makes it. `SIGQUIT` keeps its meaning, for an
    /// operator who wants the process gone at once. `SIGPIPE` is ignored too, so a write to a closed socket is `EPIPE`.
    package static func block() {
        SignalSet(shutdown + [SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM]).block()
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the first request to shut down, then for a second one; blocks the calling thread.
    ///
    /// - Parameters:
    ///   - first: begins a graceful stop, and returns without waiting for its end. It is given the signal.
    ///   - second: what a second request does; by default the process ends at once with the code 128 + signal.
    package static func waitForShutdown(first: (Int32) -> Void, second: (Int32) -> Void = { _exit(128 + $0) }) {
        let signals = SignalSet(shutdown)
        first(signals.wait())
        second(signals.wait())
    }

    /// ``waitForShutdown(first:second:)`` on a thread of its own, which ends with the process.
    package static func watchForShutdown(first: @escaping @Sendable (Int32) -> Void) throws(SystemError) {
        _ = try Thread.start(name: "signals") { waitForShutdown(first: first) }
    }
}
