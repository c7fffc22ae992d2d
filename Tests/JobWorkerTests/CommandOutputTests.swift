import Glibc
import Testing

@testable import JobWorker

@Suite("Command: output", .timeLimit(.minutes(1)))
struct CommandOutputTests {
    private func message(_ chunks: [[UInt8]]) -> String {
        var output = CommandOutput()
        for chunk in chunks { chunk.withUnsafeBytes { output.append($0) } }
        return output.message
    }

    private func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] { Array(repeating: byte, count: count) }

    @Test func `the end is kept, however it comes`() {
        let stream = (0..<100_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        let expected = String(decoding: stream.suffix(4096), as: UTF8.self)
        for size in [1, 7, 4095, 4096, 4097, 65536, 100_000] {
            let chunks = stride(from: 0, to: stream.count, by: size).map {
                Array(stream[$0..<min($0 + size, stream.count)])
            }
            #expect(message(chunks) == expected, "in chunks of \(size)")
        }
    }

    @Test func `line ends at the end are left out, and nothing else is`() {
        #expect(message([Array("\n a \r\n\n".utf8)]) == "\n a ")
        #expect(message([Array("\n\r\n".utf8)]) == "")
        #expect(message([]) == "")
    }

    @Test func `it is valid UTF-8 without NUL`() {
        #expect(message([[0x61, 0x00, 0x62]]) == "a\u{FFFD}b")
        #expect(message([[0x61, 0xFF, 0xC3, 0x28]]) == "a\u{FFFD}\u{FFFD}(")
        #expect(message([[0xE2, 0x82]]) == "\u{FFFD}")
        #expect(message([[0xE2], [0x82], [0xAC]]) == "€")
    }

    @Test(arguments: 4090...4110)
    func `it is cut where a character begins`(padding: Int) {
        for character in ["é", "€", "🙂"] {
            let text = message([Array(character.utf8) + bytes(0x78, padding)])
            #expect(text.utf8.count <= 4096)
            let fits = character.utf8.count + padding <= 4096
            #expect(text == (fits ? character : "") + String(repeating: "x", count: min(padding, 4096)))
        }
    }

    @Test(arguments: [0x00, 0x80, 0xFF] as [UInt8])
    func `replacements count in full`(byte: UInt8) {
        #expect(message([bytes(byte, 10_000)]) == String(repeating: "\u{FFFD}", count: 1365))
    }

    @Test func `a flood is read to its end, in bounded memory`() async {
        await #expect(processExitsWith: .success) {
            let flood = "head -c 100000000 /dev/zero | tr '\\0' x"
            let handler = try CommandHandler(command: "\(flood); \(flood) >&2; echo end >&2; exit 1", concurrency: 1)
            let before = try #require(status("VmHWM"))
            let text = try await JobWorkerTests.message(of: handler, Job(id: 1, objectID: 1))
            #expect(text == String(repeating: "x", count: 4092) + "end")
            let after = try #require(status("VmHWM"))
            #expect(after - before < 8192, "kB")
        }
    }
}
