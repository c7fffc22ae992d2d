import CLinux
import Glibc

/// What one thread of the pool does: it runs orders, one at a time.
///
/// The children belong to the thread that started them (the kernel kills them when it ends), so it lives as long as the
/// handler, and waits for its child itself.
struct CommandRunner: ~Copyable {
    private let shared: CommandShared
    private let slot: UnsafeMutablePointer<Int32>
    private let wake: Int32
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    private var output = CommandOutput()

    /// - Parameter wake: The event that tells of a cancellation; it must outlive the runner.
    init(_ shared: CommandShared, number: Int, wake: Int32) {
        self.shared = shared
        self.wake = wake
        slot = shared.guardian.slot(number)
    }

    deinit { buffer.deallocate() }

    mutating func work() {
        while let order = shared.queue.next() {
            guard order.begin(wake: wake) else { continue }
            let result = Result { try run(order.job) }
            order.finish(result)
            // What a cancellation left that came after the end; no other can come now.
            _ = CommandDescriptor.take(from: wake)
        }
    }

    mutating func run(_ job: Job) throws {
        output.clear()
        let stream: CommandDescriptor
        let process: CommandProcess
        do {
            let pipe = try CommandPipe()
            process = try CommandProcess(
                shared.program, for: job, null: shared.null.number, error: pipe.writer.number, slot: slot)
            stream = pipe.closingWriter()
        } catch {
            throw CommandFailure(.notStarted(error))
        }
        let wasCancelled = supervise(process, stream)
        let status = process.finish()
        drain(stream)
        if wasCancelled { throw CancellationError() }
        if let failure = status.failure(output: output.message) { throw failure }
    }

    /// Reads what the command writes until it has ended. Returns whether it was told to.
    ///
    /// A command that was told to stop may take ``CommandShared/grace`` for it, and so may what it started: a shell dies of
    /// SIGTERM at once while the program it waits for still cleans up. That one usually has the pipe open.
    private mutating func supervise(
        _ process: borrowing CommandProcess, _ stream: borrowing CommandDescriptor
    ) -> Bool {
        let readable = Int16(POLLIN)
        var polled = [
            pollfd(fd: process.pidfd.number, events: readable, revents: 0),
            pollfd(fd: stream.number, events: readable, revents: 0),
            pollfd(fd: wake, events: readable, revents: 0),
        ]
        var isRunning = true
        var isStopping = false
        var deadline: ContinuousClock.Instant?

        while isRunning || (deadline != nil && polled[1].fd >= 0) {
            let count = poll(&polled, nfds_t(polled.count), deadline.map(Self.milliseconds) ?? -1)
            if count < 0 { continue }
            if let due = deadline, due <= .now {
                process.signal(SIGKILL)
                deadline = nil
            }
            if polled[0].revents != 0 {
                isRunning = false
                polled[0].fd = -1
            }
            if polled[1].revents != 0, read(stream) == .end { polled[1].fd = -1 }
            if polled[2].revents != 0 && isRunning {
                isStopping = true
                polled[2].fd = -1
                process.signal(SIGTERM)
                deadline = .now + shared.grace
            }
        }
        return isStopping
    }

    /// Reads what is left in the pipe. It doesn't wait for the pipe's end, and takes no more than a pipe holds: a process
    /// that left the group may have it open, and go on writing.
    private mutating func drain(_ stream: borrowing CommandDescriptor) {
        for _ in 0..<16 {
            guard case .some = read(stream) else { return }
        }
    }

    private mutating func read(_ stream: borrowing CommandDescriptor) -> CommandDescriptor.Reading {
        let reading = stream.read(into: buffer)
        if case .some(let count) = reading { output.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        return reading
    }

    private static func milliseconds(until instant: ContinuousClock.Instant) -> Int32 {
        let left = (instant - .now).components
        // Rounded up, so that the deadline has passed when the wait is over.
        return Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1))
    }
}
