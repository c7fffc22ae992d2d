internal import Glibc
internal import Synchronization

/// Where finished lines go.
package protocol LogSink: Sendable {
    /// Takes one line, its newline included. Called from any thread.
    func write(_ line: [UInt8])
}

/// Descriptor 2.
package struct StandardErrorSink: LogSink {
    package init() {}

    /// One `write` a line: the kernel keeps one of up to `PIPE_BUF` bytes whole, whoever else writes to the same pipe.
    package func write(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            // A log that cannot be written must not stop the service: all but an interruption is let go.
            while Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) < 0, errno == EINTR {}
        }
    }
}

/// Keeps lines in memory, for tests.
package final class MemorySink: LogSink {
    private let stored = Mutex<[String]>([])

    package init() {}

    /// What was written so far, without the newlines.
    package var lines: [String] { stored.withLock { $0 } }

    package func write(_ line: [UInt8]) {
        stored.withLock { $0.append(String(decoding: line.dropLast(), as: UTF8.self)) }
    }
}
