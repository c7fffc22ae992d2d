internal import FastCGI
internal import Glibc
package import Service

/// The responder pool of one process.
package struct Server: Sendable {
    private let settings: Settings
    private let log: Log

    package init(_ settings: Settings, log: Log) {
        self.settings = settings
        self.log = log
    }

    /// Serves until `stop` is signalled; returns when every loop has drained.
    package func run(until stop: Wakeup) throws {
        // Without an address there is a socket on descriptor 0: the settings were checked.
        let listener = try settings.listen.map { try Listener.bind(to: $0) } ?? Listener.inherited()
        ResponderLoop.initializeLibrary()
        let threads = try (0..<settings.responders).map { index in
            try Thread.start(name: "responder-\(index)") { serve(listener, until: stop) }
        }
        log.notice("serving", ["responders": "\(threads.count)"])
        for thread in threads { thread.join() }
        log.notice("drained")
    }

    private func serve(_ listener: Listener, until stop: Wakeup) {
        do {
            var loop = try ResponderLoop(listener: listener, stop: stop.fileDescriptor)
            let responder = Responder(settings, log: log)
            try loop.run(responder)
        } catch {
            // One loop less would be a pool that quietly shrinks: better a new process.
            log.critical("a responder cannot go on", ["error": "\(error)"])
            exit(ExitCode.software)
        }
    }
}
