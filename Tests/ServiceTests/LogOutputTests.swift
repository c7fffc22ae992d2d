import Glibc
import Testing

@testable import Service

@Suite struct LogOutputTests {
    /// A pipe that nobody has read from yet.
    private final class Pipe {
        let (reading, writing): (Int32, Int32)
        /// `F_GETPIPE_SZ`, which Glibc's module lacks.
        var size: Int { Int(fcntl(writing, 1032)) }

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        deinit {
            close(reading)
            close(writing)
        }

        func read(_ count: Int) -> String {
            var buffer = [UInt8](repeating: 0, count: count)
            let count = Glibc.read(reading, &buffer, count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
    }

    private let line = Array((String(repeating: "x", count: LogLine.limit - 1) + "\n").utf8)

    @Test(.timeLimit(.minutes(1))) func `a pipe that nobody reads drops lines and counts them`() throws {
        let pipe = try Pipe()
        let size = pipe.size
        var output = LogOutput(pipe.writing)
        let fits = size / LogLine.limit
        // Waits for ever, where it waits at all.
        for _ in 0..<fits + 7 { output.write(line) }
        for _ in 0..<fits { #expect(pipe.read(LogLine.limit) == String(decoding: line, as: UTF8.self)) }
        output.write(Array("the next\n".utf8))
        let rest = pipe.read(LogLine.limit).split(separator: "\n").map(String.init)
        #expect(rest.count == 2)
        let format =
            /\d{4}-\S+Z warning \S+\[\d+\] lines of this log were dropped: they could not be written without waiting dropped=7/
        #expect(rest.first?.wholeMatch(of: format) != nil, "\(rest)")
        #expect(rest.last == "the next")
        output.write(Array("one more\n".utf8))
        #expect(pipe.read(LogLine.limit) == "one more\n")
    }

    @Test func `a line that is dropped after the count is counted anew`() throws {
        let pipe = try Pipe()
        var output = LogOutput(pipe.writing)
        let fits = pipe.size / LogLine.limit
        for _ in 0..<fits + 1 { output.write(line) }
        // Room for the count alone.
        _ = pipe.read(LogLine.limit)
        output.write(line)
        for _ in 0..<fits - 1 { _ = pipe.read(LogLine.limit) }
        #expect(pipe.read(LogLine.limit).contains(" dropped=1\n"))
        output.write(line)
        #expect(pipe.read(LogLine.limit).contains(" dropped=1\n"))
    }

    @Test func `a descriptor that is closed is let go`() {
        var output = LogOutput(-1)
        output.write(line)
    }
}
