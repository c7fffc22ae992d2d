import Foundation
import Glibc
import JobStorage
import TestSupport

/// A Redis of one test's own, which may be filled, frozen or demoted. It ends with this object.
final class OwnRedis: Sendable {
    let address: RedisAddress
    private let child: Child
    private let lifeline: Lifeline
    private let pid: Int32

    init() async throws {
        let port = try Servers.freePort()
        address = RedisAddress(host: "127.0.0.1", port: port, password: nil, database: 0)
        lifeline = try Lifeline()
        let script = "redis-server --port \(port) --bind 127.0.0.1 --save '' & redis=$!; cat; kill -KILL $redis"
        child = try Child(
            ["setsid", "sh", "-c", script], environment: [:], input: lifeline.path, output: "/dev/null",
            error: "/dev/null")
        let info = ["redis-cli", "-p", "\(port)", "INFO", "server"]
        var pid: Int32?
        try await eventually(within: .seconds(60), "a Redis of its own") {
            pid = try await Shell.run(info).output.firstMatch(of: /process_id:(\d+)/).flatMap { Int32($0.1) }
            return pid != nil
        }
        guard let pid else { throw TestFailure("no Redis") }
        self.pid = pid
    }

    deinit {
        lifeline.cut()
        _ = child.wait()
    }

    func stream() -> JobStream { JobStream(address, timeout: .seconds(5)) }

    @discardableResult
    func run(_ command: String...) async throws -> String {
        try await Shell.check(["redis-cli", "-e", "-p", "\(address.port)"] + command)
    }

    func freeze() { kill(pid, SIGSTOP) }
    func thaw() { kill(pid, SIGCONT) }

}

/// Runs a body on another thread, as a process of the service does.
func inBackground(_ body: @escaping @Sendable () -> Void) {
    Foundation.Thread.detachNewThread(body)
}
