import Foundation
import Glibc
import TestSupport
import Testing

/// What a client can do to nginx, and to who reads its logs.
@Suite(.serialized, .timeLimit(.minutes(4))) struct FrontTests {
    /// `limit_conn` in nginx/http.conf.
    private static let limit = 2048

    @Test func `one address holds no more than its part of the connections`() async throws {
        var files = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        files.rlim_cur = files.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        func isServed() async throws -> Bool { try await stack.curl("/v1/jobs/1", "-4").status == 404 }
        // Bodies that never end.
        let head = "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"
        var drips = try (0..<Self.limit - 1).map { _ in
            let socket = try HostileSocket(port: stack.port)
            socket.send(head)
            return socket
        }
        #expect(try await isServed())
        drips.append(try HostileSocket(port: stack.port))
        drips.last?.send(head)
        var last: Response?
        try await eventually("the limit is reached") {
            last = try await stack.curl("/v1/jobs/1", "-4")
            return last?.status == 429
        }
        #expect(last?.headers["content-type"] == "application/problem+json")
        #expect(last?.headers["retry-after"] == "1")
        #expect(try await stack.curl("/v1/jobs/1", "-4", "--interface", "127.0.0.2").status == 404)
        drips.removeLast()
        try await eventually("there is room again") { try await isServed() }
        drips.removeAll()
        try await stack.remove()
    }

    @Test func `nothing that a client sends reaches the terminal as it is`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let forged = "forged-\(UUID().uuidString)"
        let request =
            Array(
                "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nReferer: \u{1B}[2K\u{1B}[1A\(forged)\u{9B}2J\u{2028}\u{202E}".utf8
            )
            + Array("\r\nContent-Length: 20000\r\n\r\n".utf8)
        let path = Array("GET /\(forged)\u{9B}\u{2028}\" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        for bytes in [request, path] {
            let answer = try await onThread {
                let socket = try HostileSocket(port: stack.port)
                socket.send(bytes)
                return socket.receive(silence: .seconds(5)) { !$0.isEmpty }
            }
            #expect(!answer.bytes.isEmpty)
        }
        try await eventually("the error is shown") {
            try String(contentsOfFile: stack.directory + ".out", encoding: .utf8).contains(forged)
        }
        let shown = try String(contentsOfFile: stack.directory + ".out", encoding: .utf8)
        let isPlain = shown.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control: scalar == "\n" || scalar == "\t"
            case .format, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        #expect(isPlain, "\(shown.debugDescription)")
        #expect(shown.contains("?[2K?[1A\(forged)?2J??"))
        let access = "\(stack.directory)/log/access.log"
        try await eventually("the request is logged") {
            try String(contentsOfFile: access, encoding: .utf8).contains(forged)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: access)).allSatisfy { $0 == 10 || (32...126).contains($0) })
        try await stack.remove()
    }

    @Test func `a supervisor that stands still does not hold nginx up`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let supervisor = try #require(
            Int32(
                try String(contentsOfFile: "\(stack.directory)/supervisord.pid", encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(supervisor, SIGSTOP)
        defer { kill(supervisor, SIGCONT) }
        // Some 300 bytes of log each; a pipe holds 65536.
        let request = "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\nConnection: close\r\n\r\n"
        for _ in 0..<600 {
            let answer = try await onThread {
                let socket = try HostileSocket(port: stack.port)
                socket.send(request)
                return socket.receive(silence: .seconds(5)) { !$0.isEmpty }
            }
            try #require(answer.text.hasPrefix("HTTP/1.1 413"))
        }
        #expect(try await stack.curl("/healthz").status == 200)
        kill(supervisor, SIGCONT)
        try await stack.remove()
    }

    @Test func `the logs of nginx are rotated while it writes them`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1", "STACK_LOG_LIMIT": "1000"])
        for _ in 0..<10 { _ = try await stack.post(String(repeating: " ", count: 20_000)) }
        for name in ["access", "nginx"] {
            let log = "\(stack.directory)/log/\(name).log"
            try await eventually(within: .seconds(30), "\(log) is rotated") {
                FileManager.default.fileExists(atPath: log + ".1")
            }
            let word = "after-\(UUID().uuidString)"
            try await eventually("\(log) goes on") {
                _ = try await stack.curl("/\(word)", "-X", "POST", "-d", String(repeating: " ", count: 20_000))
                // Between the two steps of a rotation there is none.
                return (try? String(contentsOfFile: log, encoding: .utf8))?.contains(word) == true
            }
        }
        try await stack.remove()
    }
}
