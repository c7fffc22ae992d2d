import Glibc
import Service

/// A file that lives as long as a test's body.
enum ScratchFile {
    static func with(_ content: [UInt8], _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/service-tests-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw SystemError(call: "mkstemp", code: errno) }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        _ = content.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        try body(path)
    }
}
