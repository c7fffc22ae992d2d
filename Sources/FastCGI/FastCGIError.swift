internal import Glibc

/// A system call that failed while a socket was set up or waited on.
package struct FastCGIError: Error, CustomStringConvertible {
    package let call: String
    package let code: Int32

    init(_ call: String, _ code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call): \(String(cString: strerror(code)))" }
}
