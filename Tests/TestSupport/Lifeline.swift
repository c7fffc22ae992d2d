internal import Glibc

/// A pipe that ends when this process does, however it ends: what a shell reads from it tells it when to clean up.
package struct Lifeline: Sendable {
    private let ends: (read: Int32, write: Int32)

    package init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe") }
        // Nobody but this process may hold the write end.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.ends = (ends[0], ends[1])
    }

    /// To be opened by the child as its standard input.
    package var path: String { "/proc/self/fd/\(ends.read)" }

    /// Ends it now.
    package func cut() { close(ends.write) }
}
