import Synchronization

/// One run of a command on its way from the task that asked for it to a thread and back.
///
/// The task is resumed exactly once, by whoever moves the order to `done`.
final class CommandOrder: Sendable {
    typealias Continuation = CheckedContinuation<Void, any Error>

    private enum State {
        case new
        case queued(Continuation)
        case running(Continuation, wake: Int32)
        case done
    }

    let job: Job
    private let state = Mutex(State.new)

    init(_ job: Job) { self.job = job }

    /// Takes the task's continuation. Returns whether the order is to be queued; not if it was cancelled before.
    func enqueue(_ continuation: Continuation) -> Bool {
        let isQueued = state.withLock { state in
            guard case .new = state else { return false }
            state = .queued(continuation)
            return true
        }
        if !isQueued { continuation.resume(throwing: CancellationError()) }
        return isQueued
    }

    /// Says that a thread runs it, and which event wakes that. Returns `false` if it was cancelled while it waited.
    func begin(wake: Int32) -> Bool {
        state.withLock { state in
            guard case .queued(let continuation) = state else { return false }
            state = .running(continuation, wake: wake)
            return true
        }
    }

    func finish(_ result: Result<Void, any Error>) {
        let continuation = state.withLock { state -> Continuation? in
            guard case .running(let continuation, _) = state else { return nil }
            state = .done
            return continuation
        }
        continuation?.resume(with: result)
    }

    /// Stops it: at once if it is not running yet. The event is raised under the lock, so never for the thread's next order.
    func cancel() {
        let continuation = state.withLock { state -> Continuation? in
            switch state {
            case .new:
                state = .done
            case .queued(let continuation):
                state = .done
                return continuation
            case .running(_, let wake):
                CommandDescriptor.raise(wake)
            case .done:
                break
            }
            return nil
        }
        continuation?.resume(throwing: CancellationError())
    }
}
