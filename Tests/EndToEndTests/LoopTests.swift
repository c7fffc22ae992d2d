import Foundation
import Glibc
import TestSupport
import Testing

/// What a responder's loop never waits for, and what it never takes for true any more.
@Suite(.serialized, .timeLimit(.minutes(4))) struct LoopTests {
    @Test func `a log that nobody reads stops nobody`() async throws {
        let stack = try await Stack(["WORKERS": "1", "FCGI": "1"])
        let file = try String(contentsOfFile: "\(stack.directory)/supervisord.pid", encoding: .utf8)
        let supervisor = try #require(Int32(file.trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(supervisor, SIGSTOP)
        defer { kill(supervisor, SIGCONT) }
        let refused = try await Shell.run([
            "timeout", "30", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n", stack.url("/x?[1-1000]"),
        ])
        #expect(refused.output == String(repeating: "404\n", count: 1000))
        #expect(try await stack.curl("/healthz").status == 200)
        #expect(try await stack.post("{\"object_id\":1}").status == 201)
        kill(supervisor, SIGCONT)
        let count =
            /Z warning job-fcgi\[\d+\] lines of this log were dropped: they could not be written without waiting dropped=\d+/
        try await eventually("the number of lines that were dropped") {
            _ = try await stack.curl("/x", "-H", "X-Request-Id: after-the-gap")
            return try stack.log(of: "job-fcgi_00").contains(count)
        }
        #expect(try stack.log(of: "job-fcgi_00").contains("request_id=after-the-gap"))
        try await stack.remove()
    }

    @Test func `readiness costs ten statements a second, however often it is asked for`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1", "FCGI_RESPONDERS": "1"])
        func statements() async throws -> Int {
            // A backend reports what it did when it does something and a second has passed.
            try await Task.sleep(for: .seconds(1.1))
            _ = try await stack.curl("/readyz")
            let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            return try #require(Int(try await stack.sql(count)))
        }
        let (before, start) = (try await statements(), ContinuousClock.now)
        let ready = try await Shell.run([
            "timeout", "60", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n", stack.url("/readyz?[1-3000]"),
        ])
        #expect(ready.output == String(repeating: "200\n", count: 3000))
        let asked = try await statements() - before
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        // Beside readiness, the few statements of this test and of autovacuum.
        #expect(Double(asked) < seconds * 10 + 40, "\(asked) statements in \(seconds) s")
        #expect(asked > 1)
        try await stack.remove()
    }

    // MARK: - Another database

    /// Job 1 ended, and was asked for.
    private func stackWithAFinishedJob() async throws -> Stack {
        let stack = try await Stack(["WORKERS": "1", "FCGI": "1", "FCGI_RESPONDERS": "1", "JOB_COMMAND": "true"])
        #expect(try await stack.create(1) == 1)
        try await stack.wait(for: 1, "success")
        try await stack.supervisor("stop job-worker:*")
        return stack
    }

    @Test func `a job whose id is given again is not answered from memory`() async throws {
        let stack = try await stackWithAFinishedJob()
        try await stack.sql("DELETE FROM jobs; DELETE FROM windows; ALTER SEQUENCE jobs_id_seq RESTART")
        #expect(try await stack.create(2) == 1)
        let job = try await stack.curl("/v1/jobs/1")
        #expect(try job.member("object_id") == "2")
        #expect(try job.member("status") == "created")
        try await stack.remove()
    }

    @Test func `nothing is answered from memory after a new connection to PostgreSQL`() async throws {
        let stack = try await stackWithAFinishedJob()
        try await stack.sql("UPDATE jobs SET object_id = 2")
        #expect(try await stack.curl("/v1/jobs/1").member("object_id") == "1", "it is in memory")
        try await stack.supervisor("restart postgres")
        try await eventually { try await stack.curl("/v1/jobs/999").status == 404 }
        #expect(try await stack.curl("/v1/jobs/1").member("object_id") == "2")
        try await stack.remove()
    }

    // MARK: - What may be silent

    /// In namespaces of its own `job-fcgi` has a name server that takes questions and answers none.
    @Test(.enabled(if: getuid() == 0, "this makes namespaces of its own"))
    func `a name server that is silent stops nobody`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1"])
        let (path, nameServer) = ("\(stack.directory)/silent.sock", "\(stack.directory)/resolv.conf")
        try "nameserver 127.0.0.1\n".write(toFile: nameServer, atomically: true, encoding: .utf8)
        // The socket stays open in the program that takes Python's place.
        let silence =
            "import os, socket, sys; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53)); "
            + "s.set_inheritable(True); os.execv(sys.argv[1], sys.argv[1:])"
        let inside = """
            ip link set lo up && mount --bind '\(nameServer)' /etc/resolv.conf || exit 1
            exec python3 -c "\(silence)" '\(Scratch.root)/.build/release/job-fcgi'
            """
        let namespaces = "--mount --net --pid --fork --kill-child"
        let lifeline = try Lifeline()
        let child = try Child(
            ["setsid", "sh", "-c", "unshare \(namespaces) sh -c \"$INSIDE\" & inside=$!; cat; kill -KILL $inside"],
            environment: [
                "INSIDE": inside, "DATABASE_URL_FILE": "\(stack.directory)/database-url-job_fcgi", "FCGI_LISTEN": path,
                "FCGI_RESPONDERS": "1", "REDIS_URL": "redis://redis.example:6379",
            ],
            input: lifeline.path, output: "/dev/null", error: "\(stack.directory)/silent.log")
        defer {
            lifeline.cut()
            _ = child.wait()
        }
        try await eventually { (try? HostileSocket(path: path)) != nil }
        let socket = try HostileSocket(path: path)
        for (object, request) in [1, 2, 3].flatMap({ object in
            [
                (object, HostileRecord.post("{\"object_id\":\(object)}")),
                (object, HostileRecord.request("GET", "/readyz")),
            ]
        }) {
            let (statuses, took) = try await answer(on: socket, request)
            #expect(statuses == [201] || statuses == [200], "\(object): \(statuses)")
            #expect(took < .seconds(1), "\(object)")
        }
        #expect(try await stack.sql("SELECT count(*) FROM jobs") == "3")
        let log = try String(contentsOfFile: "\(stack.directory)/silent.log", encoding: .utf8)
        #expect(log.contains("Redis is away"))
        try await stack.remove()
    }

    /// Sends a request on a kept connection; the statuses of the answer, and how long it took.
    private func answer(on socket: HostileSocket, _ request: [UInt8]) async throws -> ([Int], Duration) {
        try await onThread {
            let start = ContinuousClock.now
            socket.send(request)
            let received = socket.receive(silence: .seconds(20)) { !HostileAnswer($0).statuses.isEmpty }
            return (HostileAnswer(received.bytes).statuses, ContinuousClock.now - start)
        }
    }

    @Test func `connections that cannot be accepted hold up none that are open`() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1", "FCGI_RESPONDERS": "1"])
        let (path, process) = ("\(stack.directory)/job-fcgi.sock", try await stack.pid(of: "job-fcgi:job-fcgi_00"))
        let socket = try HostileSocket(path: path)
        let health = HostileRecord.request("GET", "/healthz")
        #expect(try await answer(on: socket, health).0 == [200])
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap { Int($0) }
        let limit = (open.max() ?? 0) + 1
        try await Shell.check(["prlimit", "--pid", "\(process)", "--nofile=\(limit):"])
        let waiting = try (0..<3).map { _ in try HostileSocket(path: path) }
        var took = Duration.zero
        for _ in 0..<40 { took += try await answer(on: socket, health).1 }
        #expect(took < .seconds(1))
        try await Shell.check(["prlimit", "--pid", "\(process)", "--nofile=\(limit + 100):"])
        for socket in waiting { #expect(try await answer(on: socket, health).0 == [200]) }
        try await stack.remove()
    }
}
