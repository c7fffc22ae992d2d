import Foundation
import Glibc
import Service
import TestSupport
import Testing

@testable import JobWorker

@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    let path = "/tmp/job-health-\(UUID().uuidString)"

    func health(lease: Int = 10) throws -> Health {
        try Health(path: path, lease: lease, log: Log(label: "tests", sink: MemorySink()))
    }

    @Test func isWellOnceJobsWereLookedForAndLeasesRenewed() throws {
        let health = try health()
        #expect(!health.isWell)
        health.noteFetch()
        #expect(!health.isWell, "without a heartbeat")
        health.noteBeat()
        #expect(health.isWell)
        let other = try self.health()
        other.noteBeat()
        #expect(!other.isWell, "without a fetch")
    }

    @Test func needsNoFetchWhileThereIsNoRoom() throws {
        let health = try health()
        health.noteBeat()
        health.noteRoom()
        #expect(!health.isWell, "there was room all the time, and nothing fetched")
        health.noteFull()
        #expect(health.isWell)
        health.noteRoom()
        #expect(health.isWell, "the fetch has only begun")
    }

    @Test func aHeartbeatCountsForOneLease() async throws {
        let health = try health(lease: 1)
        health.noteFetch()
        health.noteBeat()
        #expect(health.isWell)
        try await eventually { !health.isWell }
    }

    @Test(arguments: ["link", "pipe"])
    func `what others put at its path is neither followed nor waited for`(kind: String) async throws {
        let health = try health()
        health.noteFetch()
        health.noteBeat()
        let target = path + ".target"
        defer { for file in [path, target] { unlink(file) } }
        #expect(kind == "pipe" ? mkfifo(path, 0o600) == 0 : symlink(target, path) == 0)
        let stop = try Wakeup()
        stop.signal()
        try await onThread { health.run(until: stop) }
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test func writesTheFileOnlyWhileAllIsWell() async throws {
        try "of an earlier worker".write(toFile: path, atomically: false, encoding: .utf8)
        let health = try health(lease: 1)
        #expect(!FileManager.default.fileExists(atPath: path))
        let stop = try Wakeup()
        let thread = try Thread.start(name: "health") { health.run(until: stop) }
        func isWellUntil(_ condition: () throws -> Bool) async throws {
            try await eventually {
                health.noteFetch()
                health.noteBeat()
                return try condition()
            }
        }
        try await isWellUntil { FileManager.default.fileExists(atPath: path) }
        try await eventually { !health.isWell }
        // What was begun before may still be written.
        try await Task.sleep(for: .seconds(1))
        let written = try modified()
        try await Task.sleep(for: .seconds(1.5))
        #expect(try modified() == written, "it was renewed although no lease was")
        try await isWellUntil { try modified() > written }
        stop.signal()
        thread.join()
        try FileManager.default.removeItem(atPath: path)
    }

    private func modified() throws -> Date {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
    }
}
