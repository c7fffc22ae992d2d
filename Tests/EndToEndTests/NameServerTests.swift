import Foundation
import Glibc
import TestSupport
import Testing

/// Programs whose name server takes questions and never answers. Only root may give them one of their own.
@Suite(.enabled(if: getuid() == 0), .timeLimit(.minutes(2))) struct NameServerTests {
    let server: SilentNameServer
    let scratch: Scratch

    init() throws {
        server = try SilentNameServer()
        scratch = try Scratch()
    }

    /// Runs a program, which sees a `resolv.conf` of its own, for some seconds at most.
    func run(_ program: String, _ environment: [String: String], seconds: Int) async throws -> Shell.Result {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("resolv-\(UUID().uuidString)").path
        try "nameserver \(server.address)\noptions timeout:30 attempts:2\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let script = "mount --bind \(file) /etc/resolv.conf && exec \(Scratch.root)/.build/release/\(program)"
        return try await Shell.run(
            ["timeout", "\(seconds)", "unshare", "--mount", "sh", "-c", script], environment: environment)
    }

    @Test func `PostgreSQL's name is given up in time`() async throws {
        let result = try await run(
            "job-migrate",
            ["DATABASE_URL": "postgresql://db.example/jobs", "JOB_MIGRATIONS": "\(Scratch.root)/db/migrations"],
            seconds: 20)
        #expect(result.status == 70)
        #expect(result.error.contains("cannot resolve the host db.example: no answer in time"), "\(result.error)")
    }

    @Test func `a worker that cannot find Redis runs jobs all the same`() async throws {
        try scratch.sql("INSERT INTO jobs (object_id, status) VALUES (1, 'created')")
        let worker = Task {
            try await run(
                "job-worker",
                ["DATABASE_URL": scratch.databaseURL, "REDIS_URL": "redis://redis.example", "JOB_COMMAND": "true"],
                seconds: 15)
        }
        try await eventually(within: .seconds(12), "the job has run") {
            try scratch.sql("SELECT status FROM jobs") == ["success"]
        }
        let result = try await worker.value
        #expect(result.error.contains("cannot resolve the host redis.example: no answer in time"), "\(result.error)")
    }
}

/// Takes questions on an address of loopback, as long as it lives.
final class SilentNameServer: Sendable {
    let address: String
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        let (third, last) = (UInt32.random(in: 0...255), UInt32.random(in: 1...254))
        self.address = "127.53.\(third).\(last)"
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        address.sin_addr.s_addr = (0x7F35_0000 | third << 8 | last).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw TestFailure("no port 53 on \(self.address)") }
    }

    deinit { close(descriptor) }
}
