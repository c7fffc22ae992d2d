internal import Glibc

/// A call to the operating system that failed.
package struct SystemError: Error, Hashable, CustomStringConvertible {
    /// The C function that failed, such as `eventfd`.
    package let call: String
    /// Its `errno`.
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// What the operating system calls a code, such as `Permission denied`.
    package static func text(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }

    package var description: String { "\(call): \(Self.text(code)) (errno \(code))" }
}
