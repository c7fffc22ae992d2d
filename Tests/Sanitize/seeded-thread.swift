// Two threads count without a lock: the thread sanitizer has to end this with an error.
import Glibc

nonisolated(unsafe) var count = 0
let threads = (0..<2).map { _ in
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { _ in
            for _ in 0..<100_000 { count += 1 }
            return nil
        }, nil)
    return thread
}
for thread in threads { pthread_join(thread, nil) }
print("counted \(count)")
