package import Foundation
internal import Glibc

/// A PostgreSQL and a Redis for the tests of this process, started when the first test asks for them. They end with the
/// process, however it ends.
package final class Servers: Sendable {
    package static let shared = Result { try Servers() }

    package let directory: URL
    package let redisPort: UInt16
    private let lifeline: Lifeline

    private static let binaries = "/usr/lib/postgresql/15/bin"
    /// PostgreSQL refuses to run as root.
    private static let asUser = getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []

    private init() throws {
        directory = URL(fileURLWithPath: "/tmp/job-tests-\(getpid())")
        redisPort = try Servers.freePort()
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        lifeline = try Servers.startUndertaker(directory)
        try startPostgres()
        try startRedis()
    }

    /// A shell that waits until this process is gone, and then ends the servers and removes what they wrote.
    private static func startUndertaker(_ directory: URL) throws -> Lifeline {
        let lifeline = try Lifeline()
        let script = """
            trap '' INT TERM HUP; cat
            for file in \(directory.path)/data/postmaster.pid \(directory.path)/redis.pid; do
                pid=$(head -n 1 $file) || continue
                kill -INT $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done
            done
            rm -rf \(directory.path)
            """
        _ = try Child(
            ["setsid", "sh", "-c", script], environment: [:], input: lifeline.path, output: "/dev/null",
            error: "/dev/null")
        return lifeline
    }

    private func startPostgres() throws {
        let data = directory.appendingPathComponent("data").path
        if getuid() == 0 { try Shell.checkBlocking(["chown", "postgres", directory.path]) }
        let options = "-c listen_addresses='' -c unix_socket_directories=\(directory.path) -c max_connections=300"
        try Shell.checkBlocking(
            Servers.asUser + [
                "\(Servers.binaries)/initdb", "-D", data, "-A", "trust", "-U", "tests", "--encoding=UTF8", "--locale=C",
                "--no-sync",
            ])
        try Shell.checkBlocking(
            Servers.asUser + [
                "\(Servers.binaries)/pg_ctl", "-D", data, "-l", "\(directory.path)/log", "-o", options, "-w", "start",
            ])
    }

    private func startRedis() throws {
        try Shell.checkBlocking([
            "redis-server", "--port", "\(redisPort)", "--bind", "127.0.0.1", "--dir", directory.path, "--daemonize",
            "yes",
            "--pidfile", "\(directory.path)/redis.pid", "--databases", "1000", "--save", "", "--logfile",
            "\(directory.path)/redis.log",
        ])
    }

    /// A port that nobody listens on at this moment.
    package static func freePort() throws -> UInt16 { try SilentPort().number }

    package func url(database: String) -> String { "postgresql://tests@/\(database)?host=\(directory.path)" }
}
