internal import Foundation
internal import Glibc

/// The whole service, as `make up` runs it, on a port and in a directory of its own. It stops with `stop()`, and at the
/// latest with this process.
package final class Stack: Sendable {
    package let port: UInt16
    package let directory: String
    private let child: Child
    private let lifeline: Lifeline

    /// Starts it and waits until it is ready.
    /// - Parameters:
    ///   - settings: WORKERS, FCGI, RATE_LIMIT, JOB_TIMEOUT, ….
    ///   - directory: of an earlier stack, to go on with its state.
    package init(_ settings: [String: String] = [:], directory: String? = nil) async throws {
        port = try Servers.freePort()
        self.directory = directory ?? "/tmp/job-stack-\(getpid())-\(port)"
        lifeline = try Lifeline()
        let log = self.directory + ".out"
        // Not through make: it would want to build, while the tests hold the build's lock.
        let script = "\(Scratch.root)/Sources/stack/up & up=$!; cat; kill -TERM $up; wait $up"
        child = try Child(
            ["setsid", "sh", "-c", script],
            environment: settings.merging(["PORT": "\(port)", "RUN": self.directory]) { $1 }, input: lifeline.path,
            output: log, error: log + ".err")
        try await eventually(within: .seconds(90), "the stack in \(self.directory)") {
            if case let errors = try String(contentsOfFile: log + ".err", encoding: .utf8), errors.contains("error:") {
                throw TestFailure(errors)
            }
            return try String(contentsOfFile: log, encoding: .utf8).contains("ready: http")
        }
    }

    /// Stops everything in order; the state stays.
    package func stop() async throws {
        lifeline.cut()
        _ = try await onThread { [child] in child.wait() }
    }

    /// Stops everything and removes what it wrote.
    package func remove() async throws {
        try await stop()
        try await Shell.check(["\(Scratch.root)/Sources/stack/clean"], environment: ["RUN": directory])
        for suffix in [".out", ".out.err"] { try? FileManager.default.removeItem(atPath: directory + suffix) }
    }

    package func url(_ path: String) -> String { "http://localhost:\(port)\(path)" }

    // MARK: - What an operator would do

    /// Runs a shell command with the stack's settings: `psql "$DATABASE_URL"`, `redis-cli -p "$REDIS_PORT"`.
    @discardableResult
    package func shell(_ command: String) async throws -> String {
        try await Shell.check(["sh", "-c", ". \(directory)/env; \(command)"])
    }

    @discardableResult
    package func sql(_ statement: String) async throws -> String {
        try await shell("psql \"$DATABASE_URL\" -qAt -c \"\(statement)\"").trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    @discardableResult
    package func redis(_ command: String) async throws -> String {
        try await shell("redis-cli -p \"$REDIS_PORT\" \(command)").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `supervisorctl stop redis`
    package func supervisor(_ command: String) async throws {
        try await Shell.check(
            ["supervisorctl", "-c", "\(directory)/supervisord.conf"] + command.split(separator: " ").map(String.init))
    }

    /// The process ids of one program of the stack: `job-worker_00`.
    package func pid(of program: String) async throws -> Int32 {
        let output = try await Shell.run(["supervisorctl", "-c", "\(directory)/supervisord.conf", "pid", program])
            .output
        guard let pid = Int32(output.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 0 else {
            throw TestFailure("\(program) is not running: \(output)")
        }
        return pid
    }

    package func log(of program: String) throws -> String {
        try String(contentsOfFile: "\(directory)/log/\(program).log", encoding: .utf8)
    }
}
