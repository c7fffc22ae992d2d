internal import Glibc

extension Wakeup {
    /// Waits until it is signalled, and does not drain it.
    ///
    /// - Returns: false where the deadline passed first.
    package func wait(until deadline: Deadline) -> Bool {
        var descriptor = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&descriptor, 1, deadline.remainingMilliseconds)
            if ready > 0 { return true }
            if ready == 0 && deadline.hasPassed { return false }
        }
    }
}
