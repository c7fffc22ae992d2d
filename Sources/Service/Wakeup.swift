internal import CLinux
internal import Glibc

/// An `eventfd` that one thread signals to wake another out of `poll` or `epoll_wait`.
///
/// However often it is signalled, it is readable until it is drained once.
package final class Wakeup: Sendable {
    /// The descriptor to wait on until it is readable. It stays this object's own.
    package let fileDescriptor: Int32

    /// The corresponding C function is `eventfd`.
    package init() throws(SystemError) {
        fileDescriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard fileDescriptor >= 0 else { throw SystemError(call: "eventfd", code: errno) }
    }

    deinit {
        close(fileDescriptor)
    }

    /// Makes the descriptor readable. Safe from any thread.
    package func signal() {
        // It can only fail where the counter is full, and then the descriptor is readable already.
        _ = eventfd_write(fileDescriptor, 1)
    }

    /// Makes the descriptor unreadable until the next signal.
    ///
    /// - Returns: whether it had been signalled.
    @discardableResult
    package func drain() -> Bool {
        var count: eventfd_t = 0
        return eventfd_read(fileDescriptor, &count) == 0
    }
}
