import CLinux
import Synchronization
import Service

/// Orders that wait for a thread, first in, first out.
final class CommandQueue: Sendable {
    private struct State {
        var orders: [CommandOrder] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Counts what `next()` may take.
    private let available: CommandDescriptor

    init() throws(SystemError) { available = try .event(EFD_SEMAPHORE) }

    func push(_ order: CommandOrder) {
        state.withLock { $0.orders.append(order) }
        CommandDescriptor.raise(available.number)
    }

    /// Ends every thread that takes from the queue, once it is empty.
    func close(threads: Int) {
        state.withLock { $0.isClosed = true }
        CommandDescriptor.raise(available.number, by: UInt64(threads))
    }

    /// Waits for an order. Returns `nil` when the queue is closed and empty.
    func next() -> CommandOrder? {
        while CommandDescriptor.take(from: available.number) {
            let (order, isClosed) = state.withLock { ($0.orders.isEmpty ? nil : $0.orders.removeFirst(), $0.isClosed) }
            if order != nil || isClosed { return order }
        }
        return nil
    }
}
