// Two threads count at once: the thread sanitizer has to find that, but not where they are told to take a lock.
import Glibc
import Synchronization

final class Counter: @unchecked Sendable {
    static let shared = Counter()
    private let mutex = Mutex(())
    private let begin = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
    private let end = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
    private var value = 0

    func countTwice() {
        for barrier in [begin, end] { pthread_barrier_init(barrier, nil, 2) }
        let threads = (0..<2).map { _ in
            var thread = pthread_t()
            let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
                Counter.shared.count()
                return nil
            }
            pthread_create(&thread, nil, run, nil)
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    private func count() {
        let isLocked = CommandLine.arguments.contains("locked")
        pthread_barrier_wait(begin)
        for _ in 0..<1000 {
            guard isLocked else {
                value += 1
                continue
            }
            mutex.withLock { _ in
                value += 1
                // So that the other finds the lock taken.
                sched_yield()
            }
        }
        // What a thread did is forgotten soon after its end.
        pthread_barrier_wait(end)
    }
}

@main struct Main {
    static func main() { Counter.shared.countTwice() }
}
