import Glibc
import Service
import Testing

@Suite("Signals", .timeLimit(.minutes(1)))
struct SignalsTests {
    @Test("The first request begins a stop, the second one ends it", arguments: [(SIGTERM, SIGINT), (SIGINT, SIGINT)])
    func waits(first: Int32, second: Int32) throws {
        let seen = Shared<[Int32]>([])
        let thread = try Thread.start(name: "signals") {
            // Sent to the thread alone: the test's process goes on.
            pthread_kill(pthread_self(), first)
            Signals.waitForShutdown(
                first: { signal in
                    seen.update { $0.append(signal) }
                    pthread_kill(pthread_self(), second)
                },
                second: { signal in seen.update { $0.append(-signal) } })
        }
        thread.join()
        #expect(seen.value == [first, -second])
    }

    @Test("A second SIGTERM ends the process with 143")
    func ends() async {
        await #expect(processExitsWith: .exitCode(143)) {
            Signals.block()
            pthread_kill(pthread_self(), SIGTERM)
            Signals.waitForShutdown(first: { _ in pthread_kill(pthread_self(), SIGTERM) })
        }
    }

    @Test("Blocked signals do not end the process, and a closed pipe is EPIPE")
    func blocked() async {
        await #expect(processExitsWith: .exitCode(7)) {
            // A test's thread blocks everything already: begin as `main` does.
            Self.unblockAll()
            Signals.block()
            for signal in [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGINT, SIGPIPE] {
                pthread_kill(pthread_self(), signal)
            }
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            close(ends[0])
            let written = write(ends[1], "x", 1)
            _exit(written == -1 && errno == EPIPE ? 7 : 1)
        }
    }

    @Test("SIGPIPE is ignored in threads that do not block it")
    func pipes() async {
        await #expect(processExitsWith: .exitCode(7)) {
            Signals.block()
            Self.unblockAll()
            pthread_kill(pthread_self(), SIGPIPE)
            _exit(7)
        }
    }

    @Test("SIGQUIT still ends the process")
    func quit() async {
        await #expect(processExitsWith: .signal(SIGQUIT)) {
            Self.unblockAll()
            Signals.block()
            pthread_kill(pthread_self(), SIGQUIT)
        }
    }

    private static func unblockAll() {
        var none = sigset_t()
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }
}
