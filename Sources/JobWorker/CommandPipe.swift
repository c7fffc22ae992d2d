import CLinux
import Glibc
import Service

/// A pipe to read what a command writes. Reading never waits.
struct CommandPipe: ~Copyable {
    let reader: CommandDescriptor
    let writer: CommandDescriptor

    init() throws(SystemError) {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        guard linux_pipe(&reader, &writer) == 0 else { throw SystemError(call: "pipe2", code: errno) }
        self.reader = CommandDescriptor(owning: reader)
        self.writer = CommandDescriptor(owning: writer)
    }

    /// Closes this process's write end, so that the pipe ends with its last writer.
    consuming func closingWriter() -> CommandDescriptor { reader }
}
