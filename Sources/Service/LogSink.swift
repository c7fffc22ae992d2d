internal import Glibc
internal import Synchronization

/// Where finished lines go.
package protocol LogSink: Sendable {
    /// Takes one line, its newline included. Called from any thread.
    func write(_ line: [UInt8])
}

/// Descriptor 2.
///
/// A log that nobody reads must not stop the service: a line that would have to wait is dropped and counted.
package struct StandardErrorSink: LogSink {
    private static let output = Mutex(LogOutput(STDERR_FILENO))

    package init() {}

    package func write(_ line: [UInt8]) {
        // Under the lock: of two threads that saw the last room in a pipe one would wait.
        Self.output.withLock { $0.write(line) }
    }
}

/// A descriptor that lines are written to as long as that needs no waiting.
struct LogOutput {
    private let descriptor: Int32
    private var dropped = 0

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    mutating func write(_ line: [UInt8]) {
        if dropped > 0 {
            var count = LogLine(
                time: .now, level: .warning, label: Self.program,
                message: "lines of this log were dropped: they could not be written without waiting")
            count.append(key: "dropped", value: "\(dropped)")
            guard writeIfReady(count.finished()) else { return dropped += 1 }
            dropped = 0
        }
        if !writeIfReady(line) { dropped += 1 }
    }

    /// One `write` a line: the kernel keeps one of up to `PIPE_BUF` bytes whole, whoever else writes to the same pipe, and a
    /// pipe that polls writable takes it at once.
    private func writeIfReady(_ line: [UInt8]) -> Bool {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLOUT) != 0 else { return false }
        return line.withUnsafeBytes { bytes in
            while true {
                if Glibc.write(descriptor, bytes.baseAddress, bytes.count) >= 0 { return true }
                if errno != EINTR { return false }
            }
        }
    }

    private static var program: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "log"
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
