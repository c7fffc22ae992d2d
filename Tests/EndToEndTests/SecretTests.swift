import Foundation
import TestSupport
import Testing

/// The passwords of `make up`.
@Suite(.serialized, .timeLimit(.minutes(4))) struct SecretTests {
    private static let names = ["", "-postgres", "-job_fcgi", "-job_worker", "-redis"].map { "password\($0)" }

    private func secret(_ name: String, of stack: Stack) throws -> String {
        try String(contentsOfFile: "\(stack.directory)/\(name)", encoding: .utf8)
    }

    private func opensAsSuperuser(_ stack: Stack, _ name: String) async throws -> Bool {
        let command = "psql --username=postgres --dbname=jobs --no-psqlrc --command='SELECT 1'"
        let environment = ["PGHOST": "\(stack.directory)/postgres", "PGPASSWORD": try secret(name, of: stack)]
        return try await Shell.run(["sh", "-c", command], environment: environment).status == 0
    }

    @Test func `each has a password of its own, and nothing exports the superuser's`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let secrets = try Self.names.map { try secret($0, of: stack) }
        #expect(Set(secrets).count == 5 && secrets.allSatisfy { $0.count == 32 })
        #expect(try await opensAsSuperuser(stack, "password-postgres"))
        for name in Self.names where name != "password-postgres" {
            #expect(try await !opensAsSuperuser(stack, name), "\(name) opens it")
        }
        let superusers = try secret("password-postgres", of: stack)
        let holders = try await Shell.run(["grep", "-rlF", superusers, stack.directory, "--exclude-dir=data"]).output
        #expect(holders == "\(stack.directory)/password-postgres\n")
        // A worker that is started by hand knows its own way into PostgreSQL and Redis.
        let worker = try secret("worker-env", of: stack)
        for (name, isThere) in zip(Self.names, [false, false, false, true, true]) {
            #expect(try worker.contains(secret(name, of: stack)) == isThere, "\(name)")
        }
        try await stack.remove()
    }

    @Test func `the superuser of an earlier release gets a password of its own`() async throws {
        let before = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let id = try await before.create(1)
        let owners = try secret("password", of: before)
        let change = "ALTER ROLE postgres PASSWORD '\(owners)'"
        try await Shell.check(
            ["psql", "--username=postgres", "--dbname=jobs", "--no-psqlrc", "--command=\(change)"],
            environment: [
                "PGHOST": "\(before.directory)/postgres", "PGPASSWORD": try secret("password-postgres", of: before),
            ])
        #expect(try await opensAsSuperuser(before, "password"))
        try await before.stop()
        try FileManager.default.removeItem(atPath: "\(before.directory)/password-postgres")
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"], directory: before.directory)
        #expect(try await opensAsSuperuser(stack, "password-postgres"))
        #expect(try await !opensAsSuperuser(stack, "password"))
        #expect(try await stack.create(1) == id)
        try await stack.remove()
    }

    @Test func `what a command prints shows no password, however its worker was started`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let id = try await stack.create(1)
        let worker = "\(Scratch.root)/.build/release/job-worker"
        let command = "env | grep -iE 'redis|pass|url' >&2; exit 1"
        let started = Task {
            try await stack.shell(
                ". \(stack.directory)/worker-env; JOB_COMMAND=\"\(command)\" timeout -k 9 8 \(worker) || :")
        }
        let job = try await stack.wait(for: id, "failed")
        let message = try #require(try job.member("message"))
        for name in Self.names {
            let secret = try secret(name, of: stack)
            #expect(!message.contains(secret), "\(name)")
        }
        _ = try await started.value
        try await stack.remove()
    }
}
