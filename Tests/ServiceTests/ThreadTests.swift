import Glibc
import Service
import Synchronization
import Testing

@Suite("Thread", .timeLimit(.minutes(1)))
struct ThreadTests {
    @Test("Joined, its work is done")
    func join() throws {
        let done = Shared(0)
        let threads = try (0..<8).map { number in
            try Thread.start(name: "worker-\(number)") { done.update { $0 += 1 } }
        }
        for thread in threads { thread.join() }
        #expect(done.value == 8)
        for thread in threads { thread.join() }
    }

    @Test(
        "It bears its name, as far as the kernel keeps it",
        arguments: [("heartbeat", "heartbeat"), ("a-name-of-20-letters", "a-name-of-20-le")])
    func name(name: String, expected: String) throws {
        let seen = Shared("")
        let thread = try Thread.start(name: name) {
            var buffer = [UInt8](repeating: 0, count: 64)
            let file = open("/proc/thread-self/comm", O_RDONLY)
            let count = read(file, &buffer, buffer.count)
            close(file)
            seen.update { $0 = String(decoding: buffer[..<max(0, count - 1)], as: UTF8.self) }
        }
        thread.join()
        #expect(seen.value == expected)
    }

    @Test("Signals are blocked in it, faults of its own are not, and its maker's mask is as before")
    func mask() throws {
        @Sendable func blocked() -> [Int32] {
            var set = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &set)
            return (1...31).filter { sigismember(&set, $0) == 1 }
        }
        let inside = Shared<[Int32]>([])
        let before = blocked()
        let thread = try Thread.start(name: "mask") { inside.update { $0 = blocked() } }
        #expect(blocked() == before)
        thread.join()
        let free = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGSTOP, SIGSYS]
        #expect(inside.value == (1...31).filter { !free.contains($0) })
    }

    @Test("Let go, it runs on")
    func detached() throws {
        let wakeup = try Wakeup()
        _ = try Thread.start(name: "detached") { wakeup.signal() }
        #expect(readable(wakeup.fileDescriptor, within: 10_000))
    }
}
