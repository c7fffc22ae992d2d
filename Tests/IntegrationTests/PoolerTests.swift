import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// PgBouncer in front of the tests' PostgreSQL, on a socket beside its own.
@Suite(.timeLimit(.minutes(2))) struct PoolerTests {
    static let port = 6432

    func url() throws -> String {
        "postgresql://tests@/postgres?host=\(try Servers.shared.get().directory.path)&port=\(PoolerTests.port)"
    }

    /// Runs PgBouncer, for a minute at most, as long as the body does.
    func withPooler(_ body: () async throws -> Void) async throws {
        let directory = try Servers.shared.get().directory.path
        let settings = "\(directory)/pgbouncer.ini"
        try """
        [databases]
        postgres = host=\(directory) user=tests
        [pgbouncer]
        pool_mode = transaction
        auth_type = any
        listen_port = \(PoolerTests.port)
        unix_socket_dir = \(directory)
        """.write(toFile: settings, atomically: true, encoding: .utf8)
        let user = getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
        let child = try Child(
            ["timeout", "60"] + user + ["/usr/sbin/pgbouncer", settings], environment: [:], input: "/dev/null",
            output: "/dev/null", error: "\(directory)/pgbouncer.log")
        defer {
            kill(child.pid, SIGTERM)
            _ = child.wait()
        }
        try await eventually("PgBouncer listens") {
            access("\(directory)/.s.PGSQL.\(PoolerTests.port)", F_OK) == 0
        }
        try await body()
    }

    @Test func `a pooler is refused, and its sessions are left as they were`() async throws {
        try await withPooler {
            let error = #expect(throws: PostgresError.self) {
                _ = try Connection(url: try url(), name: "tests", connectTimeout: .seconds(20))
            }
            #expect(error?.kind == .connection)
            #expect(error?.description.hasPrefix("a pooler stands between this program and PostgreSQL") == true)
            let shown = try await Shell.check(["psql", try url(), "-qAtc", "SHOW enable_seqscan"])
            #expect(shown == "on\n")
        }
    }
}
