import CLinux
import Glibc
import Service

/// A file descriptor with one owner, closed when that ends. Every one is close-on-exec.
struct CommandDescriptor: ~Copyable, Sendable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    deinit { _ = close(number) }

    /// A counter that can be polled and that any thread can raise. The corresponding C function is `eventfd`.
    static func event(_ flags: Int) throws(SystemError) -> CommandDescriptor {
        let number = eventfd(0, Int32(EFD_CLOEXEC | flags))
        guard number >= 0 else { throw SystemError(call: "eventfd", code: errno) }
        return CommandDescriptor(owning: number)
    }

    /// Reads as empty and takes everything.
    static func null() throws(SystemError) -> CommandDescriptor {
        let number = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard number >= 0 else { throw SystemError(call: "open /dev/null", code: errno) }
        return CommandDescriptor(owning: number)
    }

    /// Raises an event.
    static func raise(_ event: Int32, by count: UInt64 = 1) {
        var count = count
        _ = write(event, &count, MemoryLayout.size(ofValue: count))
    }

    /// Takes from an event: 1 or everything, waiting or not, as it was made. Returns whether there was something.
    static func take(from event: Int32) -> Bool {
        var count: UInt64 = 0
        while true {
            if Glibc.read(event, &count, MemoryLayout.size(ofValue: count)) > 0 { return true }
            if errno != EINTR { return false }
        }
    }

    enum Reading: Equatable {
        case some(Int)
        case nothingYet
        case end
    }

    /// Reads once from a non-blocking descriptor. An error counts as the end.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) -> Reading {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count > 0 { return .some(count) }
            if count == 0 { return .end }
            if errno == EAGAIN { return .nothingYet }
            if errno != EINTR { return .end }
        }
    }
}
