import Foundation
import Glibc
import TestSupport
import Testing

/// A job-fcgi by itself: where it listens, and what it takes of the system.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ResponderStartTests {
    private static let program = "\(Scratch.root)/.build/release/job-fcgi"

    /// No server is behind these.
    private static let stores = [
        "DATABASE_URL": "postgresql://nobody@/none?host=/nonexistent", "REDIS_URL": "redis://127.0.0.1:1",
        "FCGI_RESPONDERS": "1",
    ]

    /// Starts one with a preparation, and stops it after `body`.
    private func withResponder<Value>(
        after preparation: String, listening address: String, in namespace: [String] = [],
        _ body: (pid_t) async throws -> Value
    ) async throws -> Value {
        let child = try Child(
            namespace + ["bash", "-c", "\(preparation); exec \(Self.program)"],
            environment: Self.stores.merging(["FCGI_LISTEN": address]) { $1 }, input: "/dev/null", output: "/dev/null",
            error: "/dev/null")
        defer {
            kill(child.pid, SIGTERM)
            _ = child.wait()
        }
        return try await body(child.pid)
    }

    /// Whether it answers a request on a connection that stays open.
    private func isAnswered(_ socket: HostileSocket) async throws -> Bool {
        try await onThread {
            socket.send(HostileRecord.request("GET", "/healthz"))
            let received = socket.receive(silence: .seconds(5)) { HostileAnswer($0).statuses == [200] }
            return HostileAnswer(received.bytes).statuses == [200]
        }
    }

    @Test func `one with a soft limit of 64 descriptors answers 200 connections`() async throws {
        let path = "/tmp/job-fcgi-\(UUID().uuidString).sock"
        try await withResponder(after: "ulimit -Sn 64", listening: path) { _ in
            try await eventually("it listens") { (try? HostileSocket(path: path)) != nil }
            var sockets: [HostileSocket] = []
            for number in 1...200 {
                let socket = try HostileSocket(path: path)
                try #require(try await isAnswered(socket), "connection \(number)")
                sockets.append(socket)
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path), "its socket is removed")
    }

    @Test func `a path that holds something else than a socket is refused, and stays`() async throws {
        let path = "/tmp/job-fcgi-\(UUID().uuidString)"
        try "kept".write(toFile: path, atomically: true, encoding: .utf8)
        defer { unlink(path) }
        let result = try await Shell.run(
            ["timeout", "10", Self.program], environment: Self.stores.merging(["FCGI_LISTEN": path]) { $1 })
        #expect(result.status == 70)
        #expect(result.error.contains(path))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
    }

    @Test func `a path that a dead process left is taken over`() async throws {
        let path = "/tmp/job-fcgi-\(UUID().uuidString).sock"
        try await Shell.check([
            "perl", "-MIO::Socket::UNIX", "-e", "IO::Socket::UNIX->new(Local => '\(path)', Listen => 1)",
        ])
        #expect(FileManager.default.fileExists(atPath: path))
        try await withResponder(after: ":", listening: path) { _ in
            try await eventually("it listens") { (try? HostileSocket(path: path)) != nil }
        }
    }

    private static let mayMakeNetworks = getuid() == 0 && FileManager.default.fileExists(atPath: "/usr/sbin/ip")

    @Test(.enabled(if: mayMakeNetworks, "this makes a network of its own"))
    func `of a name's addresses the one that is this host's own is bound`() async throws {
        let scratch = "/tmp/job-names-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        try "10.9.9.7 responder\n10.9.9.9 responder\n".write(
            toFile: "\(scratch)/hosts", atomically: true, encoding: .utf8)
        // The C library would put the host's own address first by itself.
        try "precedence ::ffff:10.9.9.7/128 100\n".write(
            toFile: "\(scratch)/gai.conf", atomically: true, encoding: .utf8)
        let network = """
            for file in hosts gai.conf; do mount --bind \(scratch)/$file /etc/$file; done
            ip link set lo up; ip address add 10.9.9.9/32 dev lo; ip route add 10.9.9.7 dev lo
            getent ahostsv4 responder >\(scratch)/order
            """
        try await withResponder(after: network, listening: "responder:9000", in: ["unshare", "--mount", "--net"]) {
            pid in
            try await eventually("its network is made") {
                (try? String(contentsOfFile: "\(scratch)/order", encoding: .utf8))?.hasPrefix("10.9.9.7") == true
            }
            try await eventually("it listens") {
                let there = ["nsenter", "--target", "\(pid)", "--net"]
                return try await Shell.run(there + ["bash", "-c", "</dev/tcp/10.9.9.9/9000"]).status == 0
            }
        }
    }
}
