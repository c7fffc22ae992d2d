import Foundation
import TestSupport
import Testing

/// The HTTP contract, through real nginx with real curl.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ContractTests {
    @Test func answersAsPromised() async throws {
        let stack = try await Stack(["WORKERS": "1", "FCGI": "2"])
        try await creates(stack)
        try await runs(stack)
        try await sparesClients(stack)
        try await refuses(stack)
        try await answersForNginx(stack)
        try await passesRequestIDs(stack)
        try await isHealthy(stack)
        try await stack.remove()
    }

    private func creates(_ stack: Stack) async throws {
        let first = try await stack.post("{\n\"object_id\": 1\n}")
        #expect(first.status == 201)
        #expect(first.body == "{\"job_id\":1}")
        #expect(first.headers["location"] == "/v1/jobs/1")
        #expect(first.headers["content-type"] == "application/json")
        #expect(first.headers["cache-control"] == "no-store")
        let repeated = try await stack.post(
            "{\"object_id\":2,\"object_id\":1,\"other\":[null]}", type: "application/json; charset=utf-8")
        #expect(repeated.status == 200)
        #expect(repeated.body == first.body)
        #expect(repeated.headers["location"] == "/v1/jobs/1")
        #expect(repeated.headers["cache-control"] == "no-store")
        for (index, object) in [Int(Int32.min), Int(Int32.max), 0].enumerated() {
            #expect(try await stack.create(object) == index + 2)
        }
    }

    private func runs(_ stack: Stack) async throws {
        let ended = try await stack.wait(for: 1, "success")
        #expect(ended.status == 200)
        let time = #/"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/#
        #expect(ended.body.matches(of: time).count == 3)
        #expect(ended.body.hasPrefix("{\"job_id\":1,\"object_id\":1,\"status\":\"success\",\"start_time\":\""))
        #expect(try ended.member("message") == nil)
        let head = try await stack.curl("/v1/jobs/1", "--head")
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
        #expect(head.headers["content-length"] == "\(ended.body.utf8.count)")
    }

    /// A finished job never changes again: a client that has it is told so.
    private func sparesClients(_ stack: Stack) async throws {
        let job = try await stack.curl("/v1/jobs/1")
        let tag = try #require(job.headers["etag"])
        #expect(job.headers["cache-control"] == "max-age=60")
        let again = try await stack.curl("/v1/jobs/1", "--header", "If-None-Match: \(tag)")
        #expect(again.status == 304)
        #expect(again.body.isEmpty)
        #expect(again.headers["etag"] == tag)
        #expect(try await stack.curl("/v1/jobs/1", "--header", "If-None-Match: \"other\"").body == job.body)
        // No worker runs this one.
        try await stack.sql("INSERT INTO jobs (id, object_id, status) VALUES (4711, -1, 'created')")
        let waiting = try await stack.curl("/v1/jobs/4711", "--header", "If-None-Match: *")
        #expect(waiting.status == 200)
        #expect(waiting.headers["etag"] == nil)
        #expect(waiting.headers["cache-control"] == "no-cache")
        try await stack.sql("DELETE FROM jobs WHERE id = 4711")
    }

    private func refuses(_ stack: Stack) async throws {
        let limit = 16 * 1024
        func padded(_ size: Int) -> String { "{\"object_id\":1" + String(repeating: " ", count: size - 15) + "}" }
        #expect(padded(limit).utf8.count == limit)
        #expect(try await stack.post(padded(limit)).status == 200)
        try expectProblem(try await stack.post(padded(limit + 1)), 413)
        for body in [
            "", "{", "[]", "{}", "{\"object_id\":\"1\"}", "{\"object_id\":1.0}", "{\"object_id\":1}x", "\u{FEFF}{}",
        ] {
            try expectProblem(try await stack.post(body), 400)
        }
        for number in ["2147483648", "-2147483649", String(repeating: "9", count: 30)] {
            try expectProblem(try await stack.post("{\"object_id\":\(number)}"), 422)
        }
        for type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            try expectProblem(try await stack.post("{\"object_id\":1}", type: type), 415)
        }
        for path in ["/", "/v1/jobs/", "/v1/jobs/1/x", "/v1/jobs/0", "/v1/jobs/999999999"] {
            try expectProblem(try await stack.curl(path), 404)
        }
        for path in ["/v1/jobs/abc", "/v1/jobs/-1", "/v1/jobs/1.0", "/v1/jobs/01"] {
            try expectProblem(try await stack.curl(path), 400)
        }
        try expectProblem(try await stack.curl("/v1/jobs/9223372036854775808"), 422)
        let wrong = try await stack.curl("/v1/jobs", "-X", "DELETE")
        try expectProblem(wrong, 405)
        #expect(wrong.headers["allow"] == "POST")
        let other = try await stack.curl("/v1/jobs/1", "-X", "PUT", "-d", "{}")
        try expectProblem(other, 405)
        #expect(other.headers["allow"] == "GET, HEAD")
    }

    private func answersForNginx(_ stack: Stack) async throws {
        try expectProblem(try await stack.curl("/" + String(repeating: "x", count: 40_000)), 414)
        try expectProblem(try await stack.curl("/healthz", "-H", "X: " + String(repeating: "x", count: 40_000)), 431)
        try expectProblem(try await stack.curl("/healthz", "-X", "TRACE"), 405)
        try expectProblem(try await stack.curl("/healthz", "-H", "Host;"), 400)
    }

    private func passesRequestIDs(_ stack: Stack) async throws {
        let name = "my-request.1"
        let response = try await stack.curl("/v1/jobs/abc", "-H", "X-Request-Id: \(name)")
        #expect(response.headers["x-request-id"] == name)
        let forged = try await stack.curl("/healthz", "-H", "X-Request-Id: a b")
        #expect(forged.headers["x-request-id"]?.count == 32)
        #expect(try ["job-fcgi_00", "job-fcgi_01"].contains { try stack.log(of: $0).contains("request_id=\(name)") })
    }

    private func isHealthy(_ stack: Stack) async throws {
        #expect(try await stack.curl("/healthz").body == "{\"status\":\"ok\"}")
        let ready = try await stack.curl("/readyz")
        #expect(ready.status == 200)
        #expect(try ready.member("postgresql") == "ok")
        #expect(try ready.member("redis") == "ok")
    }

    private func expectProblem(_ response: Response, _ status: Int, at location: SourceLocation = #_sourceLocation)
        throws
    {
        #expect(response.status == status, "\(response.body)", sourceLocation: location)
        #expect(response.headers["content-type"] == "application/problem+json", sourceLocation: location)
        #expect(response.headers["cache-control"] == "no-store", sourceLocation: location)
        #expect(try response.member("status") == "\(status)", sourceLocation: location)
        for name in ["type", "title", "detail"] {
            #expect(try response.member(name)?.isEmpty == false, sourceLocation: location)
        }
    }

    @Test func limitsTheRateWhereItIsTold() async throws {
        let stack = try await Stack(["WORKERS": "0", "FCGI": "1", "RATE_LIMIT": "2"])
        var responses: [Response] = []
        for _ in 0..<8 { responses.append(try await stack.curl("/v1/jobs/1")) }
        let limited = responses.filter { $0.status == 429 }
        #expect(!limited.isEmpty)
        #expect(responses.count { $0.status == 404 } >= 2)
        #expect(limited.allSatisfy { $0.headers["content-type"] == "application/problem+json" })
        #expect(limited.allSatisfy { $0.headers["retry-after"] == "1" })
        try await stack.remove()
    }
}
