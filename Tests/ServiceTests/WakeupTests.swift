import Glibc
import Service
import Testing

@Suite("Wakeup", .timeLimit(.minutes(1)))
struct WakeupTests {
    @Test("It is readable from the first signal until it is drained")
    func drain() throws {
        let wakeup = try Wakeup()
        #expect(!readable(wakeup.fileDescriptor, within: 0))
        #expect(!wakeup.drain())
        for _ in 0..<3 { wakeup.signal() }
        #expect(readable(wakeup.fileDescriptor, within: 0))
        #expect(wakeup.drain())
        #expect(!readable(wakeup.fileDescriptor, within: 0))
        #expect(!wakeup.drain())
    }

    @Test("It wakes a thread out of a wait")
    func wake() throws {
        let wakeup = try Wakeup()
        let woken = Shared(false)
        let thread = try Thread.start(name: "sleeper") {
            let isReadable = readable(wakeup.fileDescriptor, within: 30_000)
            woken.update { $0 = isReadable }
        }
        wakeup.signal()
        thread.join()
        #expect(woken.value)
    }

    @Test("No child inherits it")
    func closeOnExec() throws {
        let wakeup = try Wakeup()
        var status = stat()
        #expect(fstat(wakeup.fileDescriptor, &status) == 0)
        let flags = try #require(descriptorFlags(wakeup.fileDescriptor))
        // O_CLOEXEC and O_NONBLOCK, in the octal digits of fcntl(2).
        #expect(flags & 0o2000000 != 0 && flags & 0o4000 != 0)
    }

    private func descriptorFlags(_ descriptor: Int32) -> Int? {
        let file = open("/proc/self/fdinfo/\(descriptor)", O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(file, &buffer, buffer.count)
        let text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("flags:") }
        return line?.split(separator: "\t").last.flatMap { Int($0, radix: 8) }
    }
}
