internal import Glibc

/// A file that holds one setting, such as a secret that Docker mounts.
enum SettingFile {
    /// More than any setting needs.
    static let limit = 64 * 1024

    /// Reads the file's text without the newline at its end.
    static func read(_ path: String) throws(ValueFault) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path, errno) }
        defer { close(descriptor) }

        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got == 0 { break }
            if got > 0 { count += got } else if errno != EINTR { throw unreadable(path, errno) }
        }
        if count > limit { throw ValueFault("names a file of more than \(limit) bytes") }
        return try text(bytes[..<count])
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(ValueFault) -> String {
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        if bytes.isEmpty { throw ValueFault("names an empty file") }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw ValueFault("names a file that is not UTF-8 text")
        }
        return text
    }

    private static func unreadable(_ path: String, _ code: Int32) -> ValueFault {
        // What is no path may well be the secret itself, set under the wrong name.
        let shown = path.hasPrefix("/") ? "'\(path)'" : "a file"
        return ValueFault("names \(shown), which cannot be read: \(SystemError.text(code))")
    }
}
