internal import CLinux
internal import Glibc

/// The socket that the web server connects to, shared by every responder of the process.
///
/// `FCGX_OpenSocket` is not used: it takes a path away from a running process, leaves the mode to the umask, and calls
/// `exit()` on an error.
package final class Listener: Sendable {
    package enum Address: Sendable {
        case unix(path: String)
        case tcp(host: String, port: UInt16)
    }

    package static let backlog: Int32 = 1024

    let fileDescriptor: Int32
    /// The path to remove at the end; nil where the socket is not ours alone.
    private let path: String?

    /// Whether descriptor 0 is a listening socket that a supervisor handed over (`spawn-fcgi`, supervisor's
    /// `[fcgi-program]`): one socket for all processes of the pool, open while each is replaced.
    package static var isInherited: Bool {
        var (listening, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0
    }

    /// Takes over descriptor 0.
    package static func inherited() throws(FastCGIError) -> Listener { try Listener(STDIN_FILENO, path: nil) }

    /// Binds and listens. A path that another process answers on is refused; a stale one is taken over. Mode 0660.
    package static func bind(to address: Address) throws(FastCGIError) -> Listener {
        switch address {
        case .unix(let path): try unix(path)
        case .tcp(let host, let port): try tcp(host, port)
        }
    }

    private init(_ descriptor: Int32, path: String?) throws(FastCGIError) {
        fileDescriptor = descriptor
        self.path = path
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw FastCGIError("fcntl") }
    }

    deinit {
        // In this order: once the socket is closed, another process may take the path for itself.
        if let path { unlink(path) }
        close(fileDescriptor)
    }

    private static func unix(_ path: String) throws(FastCGIError) -> Listener {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard path.utf8.count < room.count else { return false }
            room.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { throw FastCGIError("the path of the socket \(path)", ENAMETOOLONG) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw FastCGIError("socket") }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let length = socklen_t(MemoryLayout<sockaddr_un>.size)
                if answers(address, length) { return EADDRINUSE }
                // Whatever else is there is not ours to remove: bind refuses it.
                if isSocket(path) { unlink(path) }
                let mask = umask(0o117)
                defer { umask(mask) }
                return Glibc.bind(descriptor, address, length) == 0 && listen(descriptor, backlog) == 0 ? 0 : errno
            }
        }
        return try finish(descriptor, result, "bind to \(path)", path: path)
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    private static func answers(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Bool {
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(probe) }
        return connect(probe, address, length) == 0
    }

    private static func tcp(_ host: String, _ port: UInt16) throws(FastCGIError) -> Listener {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host.isEmpty ? nil : host, "\(port)", &hints, &found)
        guard status == 0, var info = found?.pointee else {
            throw FastCGIError("look up \(host)", status == EAI_SYSTEM ? errno : EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        while true {
            let (descriptor, code) = try tcp(info)
            // A name may have the addresses of other hosts too: the first that is this host's own is meant.
            if code == EADDRNOTAVAIL, let next = info.ai_next?.pointee {
                close(descriptor)
                info = next
            } else {
                return try finish(descriptor, code, "bind to \(host):\(port)", path: nil)
            }
        }
    }

    /// - Returns: the socket, and the error of binding it or 0.
    private static func tcp(_ info: addrinfo) throws(FastCGIError) -> (descriptor: Int32, code: Int32) {
        let descriptor = socket(info.ai_family, info.ai_socktype | O_CLOEXEC, info.ai_protocol)
        guard descriptor >= 0 else { throw FastCGIError("socket") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let isBound = Glibc.bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 && listen(descriptor, backlog) == 0
        return (descriptor, isBound ? 0 : errno)
    }

    private static func finish(
        _ descriptor: Int32, _ code: Int32, _ call: String, path: String?
    ) throws(FastCGIError) -> Listener {
        guard code == 0 else {
            close(descriptor)
            throw FastCGIError(call, code)
        }
        return try Listener(descriptor, path: path)
    }
}
