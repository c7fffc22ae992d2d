import Glibc

/// A system call that failed while a command, or what runs commands, was set up.
package struct CommandError: Error, CustomStringConvertible, Hashable {
    package let call: String
    package let errno: Int32

    init(_ call: String, _ errno: Int32 = Glibc.errno) {
        self.call = call
        self.errno = errno
    }

    package var description: String { "\(call): \(String(cString: strerror(errno)))" }
}
