internal import CFCGI
internal import CLinux
internal import Glibc

/// A connection from the web server, and the request that is being answered on it; owns the `FCGX_Request`.
///
/// Connections are accepted here and not by `FCGX_Accept_r`, which would wait up to two seconds for a silent peer. It reads
/// a request from a connection that is already open, which is what it does for a kept one. With no listening socket of its
/// own it fails, where it would otherwise wait for the next connection.
package final class Request {
    /// How long a peer may pause in the middle of a record before it is hung up on: nobody else is answered meanwhile.
    static let peerTimeout = timeval(tv_sec: 0, tv_usec: 500_000)

    private let request: UnsafeMutablePointer<FCGX_Request>
    private var isIncomplete = false

    /// Takes over the connected socket `descriptor`.
    init(descriptor: Int32) {
        request = .allocate(capacity: 1)
        FCGX_InitRequest(request, -1, 0)
        request.pointee.ipcFd = descriptor
        // As after a kept request: the next FCGX_Accept_r reads from this connection.
        request.pointee.keepConnection = 1
        // Close at once. Otherwise libfcgi waits for the peer to close first, and the whole loop with it.
        request.pointee.detached = 1
        var timeout = Request.peerTimeout
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        FCGX_Free(request, request.pointee.ipcFd >= 0 ? 1 : 0)
        request.deallocate()
    }

    /// Whether the connection is still open after the last request.
    var isOpen: Bool { request.pointee.ipcFd >= 0 }

    /// Reads the next request's parameters (`FCGX_Accept_r`), to be called when the connection is readable.
    /// - Returns: false when there was none, and the connection is closed.
    func read() -> Bool {
        FCGX_Accept_r(request) == 0
    }

    /// A CGI parameter's bytes (`FCGX_GetParam`), valid until the request is finished; nil where the web server sent none of
    /// that name.
    package func bytes(of name: StaticString) -> UnsafeRawBufferPointer? {
        let found = name.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { FCGX_GetParam($0.baseAddress, request.pointee.envp) }
        }
        return found.map { UnsafeRawBufferPointer(start: $0, count: strlen($0)) }
    }

    package func parameter(_ name: StaticString) -> String? {
        bytes(of: name).map { String(decoding: $0, as: UTF8.self) }
    }

    package enum Body {
        /// This many bytes, and then the end of the stream.
        case complete(Int)
        case tooLarge
        /// The peer sent less than it announced, or broke off. It gets no answer: the connection is closed, and a web server
        /// then asks another responder.
        case incomplete
    }

    /// Reads the body to its end (`FCGX_GetStr`) into `buffer`, whose size less one is the most that is taken.
    ///
    /// What stays unread of a body on a kept connection would be taken for the next request, so a connection whose body was
    /// not read to its end is not kept.
    package func readBody(into buffer: UnsafeMutableRawBufferPointer) -> Body {
        let announced = length(from: bytes(of: "CONTENT_LENGTH"))
        guard let announced, announced < buffer.count else { return refuse(.tooLarge) }
        let read = Int(
            FCGX_GetStr(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), request.pointee.in))
        // A short read looks like the end of the stream, whatever cut it off.
        if read == buffer.count { return refuse(.tooLarge) }
        isIncomplete = read != announced || FCGX_GetError(request.pointee.in) != 0
        return isIncomplete ? .incomplete : .complete(read)
    }

    private func refuse(_ body: Body) -> Body {
        request.pointee.keepConnection = 0
        return body
    }

    /// A missing or empty length is 0; one that is no number is nil.
    private func length(from bytes: UnsafeRawBufferPointer?) -> Int? {
        guard let bytes, !bytes.isEmpty else { return 0 }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    /// Appends to the response; small ones go out in one write when the request is finished (`FCGX_PutStr`).
    package func write(_ bytes: UnsafeRawBufferPointer) {
        FCGX_PutStr(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), request.pointee.out)
    }

    /// Sends what is left of the response (`FCGX_Finish_r`), and closes the connection unless both sides keep it.
    func finish(keep: Bool) {
        guard !isIncomplete else { return FCGX_Free(request, 1) }
        if !keep { request.pointee.keepConnection = 0 }
        FCGX_Finish_r(request)
    }
}
