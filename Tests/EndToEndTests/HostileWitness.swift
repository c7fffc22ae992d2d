import Foundation
import TestSupport
import Testing

/// A client that behaves. Whatever others send, it is answered, and what it was told stays true.
final class HostileWitness {
    private let stack: Stack
    private var object = 1_000_000
    private var jobs: [Int] = []

    init(_ stack: Stack) { self.stack = stack }

    /// Creates a job through nginx. The limit leaves a slow machine time: one that is held up waits for ten seconds.
    func isServed(
        after what: String, within limit: Duration = .seconds(3), at location: SourceLocation = #_sourceLocation
    ) async throws {
        object += 1
        let (request, port) = (HostileWitness.post(object), stack.port)
        let (answer, seconds) = try await onThread {
            let began = ContinuousClock.now
            let socket = try HostileSocket(port: port)
            socket.send(request)
            let answer = socket.receive(silence: .seconds(15)).text
            return (answer, ContinuousClock.now - began)
        }
        let id = answer.firstMatch(of: /\{"job_id":(\d+)\}$/).flatMap { Int($0.1) }
        #expect(answer.hasPrefix("HTTP/1.1 201 ") && id != nil, "after \(what): \(answer)", sourceLocation: location)
        #expect(seconds < limit, "after \(what)", sourceLocation: location)
        jobs += id.map { [$0] } ?? []
    }

    /// Every job that it was promised is there, and runs.
    func keepsItsJobs(at location: SourceLocation = #_sourceLocation) async throws {
        #expect(jobs.count > 0, sourceLocation: location)
        let ids = jobs.map(String.init).joined(separator: ",")
        try await eventually(within: .seconds(20), "the \(jobs.count) jobs succeed") {
            try await stack.sql("SELECT count(*) FROM jobs WHERE status = 'success' AND id IN (\(ids))")
                == "\(jobs.count)"
        }
    }

    private static func post(_ object: Int) -> String {
        let body = "{\"object_id\":\(object)}"
        return "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }
}
