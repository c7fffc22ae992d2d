import Glibc
import TestSupport

/// A connection on which anything may be sent. Its calls block: use it on a thread of its own.
final class HostileSocket: Sendable {
    /// What a peer sent, and whether it then hung up.
    struct Received {
        var bytes: [UInt8] = []
        var isEnded = false

        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private let descriptor: Int32

    /// Connects to a responder.
    convenience init(path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.dropLast().copyBytes(from: path.utf8) }
        try self.init(AF_UNIX, address)
    }

    /// Connects to nginx.
    convenience init(port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        try self.init(AF_INET, address)
    }

    private init(_ family: Int32, _ address: some BitwiseCopyable) throws {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("socket: \(errno)") }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafeBytes(of: address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { connect(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
        }
        guard status == 0 else { throw TestFailure("connect: \(errno)") }
    }

    deinit { close(descriptor) }

    /// Sends as much as the peer takes: one that hung up takes nothing.
    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Says that nothing more will be sent.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Takes what the peer sends until it hangs up, until `isWhole`, or until it has been silent for so long.
    func receive(silence: Duration, until isWhole: ([UInt8]) -> Bool = { _ in false }) -> Received {
        var received = Received()
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isWhole(received.bytes) {
            var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&readable, 1, Int32(silence / .milliseconds(1))) > 0 else { return received }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                received.isEnded = true
                return received
            }
            received.bytes += buffer[..<count]
        }
        return received
    }
}
