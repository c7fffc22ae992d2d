import Foundation
import TestSupport
import Testing

/// What must not matter: whatever anyone sends to nginx or to a responder's socket, others are served, what was accepted is
/// kept, and no request is taken for another.
///
/// Objects from 666000 on are named only in what must not be executed.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HostileTests {
    private static let settings = ["WORKERS": "1", "FCGI": "1", "JOB_COMMAND": "true", "LOG_LEVEL": "debug"]

    @Test func survivesWhateverReachesAResponder() async throws {
        let stack = try await Stack(HostileTests.settings)
        let witness = HostileWitness(stack)
        try await witness.isServed(after: "the start", within: .seconds(5))
        let process = try await stack.pid(of: "job-fcgi:job-fcgi_00")
        try await refusesWrongRecords(stack, witness)
        try await refusesWrongLengths(stack, witness)
        try await takesNoBodyForARecord(stack, witness)
        try await answersTwoRequestsInOneWrite(stack, witness)
        try await doesNotWaitForAStalledPeer(stack, witness)
        #expect(try await stack.pid(of: "job-fcgi:job-fcgi_00") == process, "none of this ends the process")
        try await isReplacedWhereTheLibraryAborts(stack, witness)
        try await executedNothingForged(stack)
        try await witness.keepsItsJobs()
        try await stack.remove()
    }

    @Test func survivesWhateverReachesNginx() async throws {
        let stack = try await Stack(HostileTests.settings)
        let witness = HostileWitness(stack)
        try await witness.isServed(after: "the start", within: .seconds(5))
        let process = try await stack.pid(of: "job-fcgi:job-fcgi_00")
        try await takesNoTwoRequestsForOne(stack, witness)
        try await takesNoBodyOfAClientForARecord(stack, witness)
        try await servesOthersWhileSomeAreSlow(stack, witness)
        try await answersAnyBytes(stack, witness)
        #expect(try await stack.pid(of: "job-fcgi:job-fcgi_00") == process, "none of this ends the process")
        try await executedNothingForged(stack)
        try await witness.keepsItsJobs()
        try await stack.remove()
    }

    private func executedNothingForged(_ stack: Stack) async throws {
        #expect(try await stack.sql("SELECT count(*) FROM jobs WHERE object_id BETWEEN 666000 AND 666999") == "0")
        for program in ["job-fcgi_00", "job-fcgi-standby"] {
            #expect(try !stack.log(of: program).contains("smuggled"), "\(program) took a body for a request")
        }
    }

    // MARK: - At the responder's socket

    /// Sends the bytes, and nothing after them; what was answered until the responder hung up.
    private func ask(_ stack: Stack, _ bytes: [UInt8]) async throws -> [Int] {
        let path = stack.directory + "/job-fcgi.sock"
        return try await onThread {
            let socket = try HostileSocket(path: path)
            socket.send(bytes)
            socket.finish()
            let received = socket.receive(silence: .seconds(5))
            return HostileAnswer(received.bytes).statuses + (received.isEnded ? [] : [-1])
        }
    }

    private func refusesWrongRecords(_ stack: Stack, _ witness: HostileWitness) async throws {
        typealias Record = HostileRecord
        let (begin, end) = (Record.begin(), Record(Record.Kind.parameters).bytes)
        let body = "{\"object_id\":666001}"
        let parameters = Record.parameters([
            ("REQUEST_METHOD", "POST"), ("DOCUMENT_URI", "/v1/jobs"), ("CONTENT_TYPE", "application/json"),
            ("CONTENT_LENGTH", "\(body.utf8.count)"),
        ])
        let input = Record.stream(Record.Kind.input, Array(body.utf8))
        let abort = Record(Record.Kind.abort).bytes
        let health = Record.request("GET", "/healthz")
        let long = [("LONG", String(repeating: "x", count: 60_000))]
        let cases: [(String, [UInt8], [Int])] = [
            ("nothing", [], []),
            ("half a header", Array(begin.prefix(3)), []),
            ("half a beginning", Array(begin.prefix(11)), []),
            ("a beginning alone", begin, []),
            ("half of the parameters", begin + parameters.prefix(40), []),
            ("parameters without an end", begin + parameters, []),
            ("no body", begin + parameters + end, []),
            ("half of the body", begin + parameters + end + input.prefix(20), []),
            ("a body without an end", begin + parameters + end + input.dropLast(8), []),
            ("the body before the parameters", begin + input + parameters + end, []),
            ("parameters alone", parameters + end + input, []),
            ("an abort amid the parameters", begin + parameters + abort + end + input, []),
            ("an abort before the body", begin + parameters + end + abort + input, []),
            ("a record of no known type", begin + parameters + Record(Record.Kind.unknown).bytes + end + input, []),
            ("a record of no known version", Record(Record.Kind.begin, [0, 1, 1, 0], version: 9).bytes + health, []),
            ("a role that is none", Record.begin(role: 7) + parameters + end + input, []),
            ("a beginning without content", Record(Record.Kind.begin).bytes + parameters + end + input, []),
            ("a record of no known type and no request", Record(Record.Kind.unknown, request: 0).bytes + health, [200]),
            ("a second beginning", begin + Record.begin(request: 2) + health.dropFirst(16), [200]),
            (
                "a name longer than its record", begin + Record(Record.Kind.parameters, [0xC0, 0, 0, 0, 1, 65]).bytes,
                []
            ),
            ("long parameters", Record.request("GET", "/healthz", more: long), [200]),
            ("no method", begin + end + input, []),
        ]
        for (what, bytes, statuses) in cases {
            #expect(try await ask(stack, bytes) == statuses, "\(what)")
            try await witness.isServed(after: what)
        }
    }

    private func refusesWrongLengths(_ stack: Stack, _ witness: HostileWitness) async throws {
        let body = "{\"object_id\":666002}"
        for length in ["", "0", "-1", "5", "19", "21", "16384", "+", "x", "20x", " 20", "0x14", "2e1", "20.0"] {
            let statuses = try await ask(stack, HostileRecord.post(body, length: length))
            // A body of another length is one that broke off: nobody is told, and a web server asks another responder.
            #expect(statuses == [] || statuses == [413], "a length of '\(length)': \(statuses)")
            try await witness.isServed(after: "a length of '\(length)'")
        }
        for length in ["16385", "99999999999", "99999999999999999999"] {
            #expect(try await ask(stack, HostileRecord.post(body, length: length)) == [413], "a length of \(length)")
        }
        let large = body + String(repeating: " ", count: 16_384)
        #expect(try await ask(stack, HostileRecord.post(large)) == [413])
        #expect(try await ask(stack, HostileRecord.post(large, length: "20")) == [413])
        try await witness.isServed(after: "large bodies")
    }

    /// Bytes that are a request to a responder from wherever it starts to read them as records, if only it starts at one of
    /// every eight: records that it passes over without a word, and then the request.
    private func forgedBody(_ size: Int) -> [UInt8] {
        let request = HostileRecord.post("{\"object_id\":666003}", more: [("REQUEST_ID", "smuggled")])
        let passedOver = HostileRecord(HostileRecord.Kind.input, request: 99).bytes
        // Only one that has content ends what libfcgi passes over.
        let last = HostileRecord(HostileRecord.Kind.input, Array(repeating: 0, count: 8), request: 99).bytes
        let count = (size - last.count - request.count) / 8
        return Array(repeatElement(passedOver, count: count).joined()) + last + request
    }

    private func takesNoBodyForARecord(_ stack: Stack, _ witness: HostileWitness) async throws {
        for path in ["/v1/jobs", "/healthz", "/nothing"] {
            for length in ["", "5", "9000", "16384", "40000", "x"] {
                let body = forgedBody(40_000)
                _ = try await ask(stack, HostileRecord.request("POST", path, length: length, body: body))
                try await executedNothingForged(stack)
            }
        }
        try await witness.isServed(after: "records in bodies")
    }

    private func answersTwoRequestsInOneWrite(_ stack: Stack, _ witness: HostileWitness) async throws {
        let two = (1...2).flatMap { HostileRecord.post("{\"object_id\":66700\($0)}") }
        // No web server does that before it is told that a responder can do it: the second may be lost.
        let statuses = try await ask(stack, two)
        #expect(statuses == [201] || statuses == [201, 201])
        #expect(try await stack.sql("SELECT count(*) FROM jobs WHERE object_id = 667001") == "1")
        try await witness.isServed(after: "two requests at once")
    }

    /// A loop waits two seconds for the rest of a record, and those that it serves wait with it; then it hangs up.
    private func doesNotWaitForAStalledPeer(_ stack: Stack, _ witness: HostileWitness) async throws {
        let request = HostileRecord.post("{\"object_id\":666004}")
        for (what, count) in [("amid the parameters", 40), ("amid the body", request.count - 20)] {
            let stalled = try HostileSocket(path: stack.directory + "/job-fcgi.sock")
            stalled.send(Array(request.prefix(count)))
            try await witness.isServed(after: "a stall \(what)", within: .seconds(2))
            #expect(try await onThread { stalled.receive(silence: .seconds(2)) }.isEnded, "a stall \(what)")
            try await witness.isServed(after: "the end of a stall \(what)")
        }
    }

    /// Two faults of libfcgi, for whoever reaches the socket: nginx asks the standby, until there is a new process.
    private func isReplacedWhereTheLibraryAborts(_ stack: Stack, _ witness: HostileWitness) async throws {
        let name = [15, 0] + Array("FCGI_MPXS_CONNS".utf8)
        let names = Array(repeatElement(name, count: 40).joined())
        let lengths: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFE, 65]
        for (what, bytes) in [
            ("repeated names", HostileRecord(HostileRecord.Kind.getValues, names, request: 0).bytes),
            ("a huge name", HostileRecord.begin() + HostileRecord(HostileRecord.Kind.parameters, lengths).bytes),
        ] {
            _ = try await ask(stack, bytes)
            try await witness.isServed(after: what, within: .seconds(3))
            try await eventually("a new process") { (try? await stack.pid(of: "job-fcgi:job-fcgi_00")) != nil }
            try await witness.isServed(after: "the replacement of the process", within: .seconds(3))
        }
    }

    // MARK: - At nginx

    /// Sends the bytes, and waits until nginx has hung up or has nothing more to say; the statuses of its responses.
    private func ask(_ stack: Stack, _ text: String) async throws -> [Int] {
        let port = stack.port
        return try await onThread {
            let socket = try HostileSocket(port: port)
            socket.send(text)
            return HostileResponse.all(socket.receive(silence: .milliseconds(300)).bytes).map(\.status)
        }
    }

    private func takesNoTwoRequestsForOne(_ stack: Stack, _ witness: HostileWitness) async throws {
        let body = "{\"object_id\":666005}"
        let forged =
            "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let (size, hex) = (forged.utf8.count, String(forged.utf8.count, radix: 16))
        let chunked = "Transfer-Encoding: chunked"
        let cases: [(headers: [String], body: String, statuses: [Int])] = [
            (["Content-Length: 5", chunked], "0\r\n\r\n" + forged, [400]),
            ([chunked, "Content-Length: 5"], "0\r\n\r\n" + forged, [400]),
            (["Content-Length: 0", "Content-Length: \(size)"], forged, [400]),
            (["Content-Length: \(size)", "Content-Length: \(size)"], forged, [400]),
            (["Content-Length: 0, \(size)"], forged, [400]),
            (["Content-Length: +\(size)"], forged, [400]),
            (["Content-Length: -1"], forged, [400]),
            (["Content-Length: 0x0"], forged, [400]),
            (["Content-Length : \(size)"], forged, [400]),
            (["Content-Length: 18446744073709551616"], forged, [400]),
            ([chunked, chunked], "0\r\n\r\n" + forged, [400]),
            (["Transfer-Encoding: identity"], forged, [501]),
            (["Transfer-Encoding: chunked, identity"], "0\r\n\r\n" + forged, [501]),
            (["Transfer-Encoding: xchunked"], "0\r\n\r\n" + forged, [501]),
            (["Transfer-Encoding : chunked"], "0\r\n\r\n" + forged, [400]),
            (["X: \0", "Content-Length: 0"], forged, [400]),
            ([chunked], "ffffffffffffffff1\r\n" + forged, [400]),
            ([chunked], "-1\r\n" + forged, [400]),
            ([chunked], "0x0\r\n\r\n" + forged, [400]),
            ([chunked], "1\r\n{}\r\n" + forged, [400]),
            // A whole request in a body is a body.
            (["Content-Length: \(size)"], forged, [400]),
            ([chunked], "\(hex)\r\n\(forged)\r\n0\r\n\r\n", [400]),
            ([chunked], "000\(hex.uppercased());a=\"b\"\r\n\(forged)\r\n0\r\nX-Request-Id: smuggled\r\n\r\n", [400]),
            ([chunked], forged.utf8.map { "1\r\n\(Unicode.Scalar($0))\r\n" }.joined() + "0\r\n\r\n", [400]),
        ]
        for (headers, body, statuses) in cases {
            let head = ["POST /v1/jobs HTTP/1.1", "Host: a", "Content-Type: application/json"] + headers
            let what = headers.joined(separator: ", ").debugDescription + " " + body.prefix(30).debugDescription
            #expect(try await ask(stack, (head + ["", body]).joined(separator: "\r\n")) == statuses, "\(what)")
            try await witness.isServed(after: what)
        }
        try await takesOddChunks(stack)
        // Headers named like what nginx tells a responder.
        let named =
            "REQUEST_METHOD: POST\r\nRequest-Method: POST\r\nDOCUMENT_URI: /v1/jobs\r\nDocument-Uri: /v1/jobs\r\n"
        #expect(try await ask(stack, "GET /healthz HTTP/1.1\r\nHost: a\r\n\(named)\r\n") == [200])
    }

    private func takesOddChunks(_ stack: Stack) async throws {
        let head =
            "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: Chunked\r\n\r\n"
        let chunks =
            "1;a\r\n{\r\n0000B\r\n\"object_id\"\r\n8;b=\"c\"\r\n:667003}\r\n00\r\nX-Request-Id: smuggled\r\n\r\n"
        #expect(try await ask(stack, head + chunks) == [201])
        #expect(try await stack.sql("SELECT count(*) FROM jobs WHERE object_id = 667003") == "1")
    }

    /// As at the responder's socket, but through nginx: a body that no route reads must be read all the same.
    private func takesNoBodyOfAClientForARecord(_ stack: Stack, _ witness: HostileWitness) async throws {
        let (body, port) = (forgedBody(16_384), stack.port)
        for (line, type, status) in [
            ("POST /v1/jobs", "application/json", 400), ("POST /v1/jobs", "text/plain", 415),
            ("PUT /v1/jobs", "a", 405), ("POST /nothing", "a", 404), ("GET /healthz", "a", 200),
            ("POST /readyz", "a", 405),
        ] {
            let head =
                "\(line) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
                + "Expect: 100-continue\r\n\r\n"
            let received = try await onThread {
                let socket = try HostileSocket(port: port)
                socket.send(head)
                // What comes with the head is passed on in a record of its own, and the rest moves by its odd length.
                _ = socket.receive(silence: .seconds(1)) { $0.count >= "HTTP/1.1 100 Continue\r\n\r\n".utf8.count }
                socket.send(body)
                return socket.receive(silence: .milliseconds(300))
            }
            #expect(HostileResponse.all(received.bytes).map(\.status) == [status], "\(line)")
            try await witness.isServed(after: line)
        }
    }

    private func servesOthersWhileSomeAreSlow(_ stack: Stack, _ witness: HostileWitness) async throws {
        let head = "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"
        let slow = try (0..<400).map { index in
            let socket = try HostileSocket(port: stack.port)
            socket.send(index < 200 ? head : head + "\r\n{\"object_id\":666")
            return socket
        }
        for _ in 0..<50 { try await witness.isServed(after: "\(slow.count) slow clients") }
        // All of them are still there, and none has an answer.
        let received = slow.map { $0.receive(silence: .zero) }
        #expect(received.allSatisfy { !$0.isEnded && $0.bytes.isEmpty })
    }

    /// 8 clients that send five requests on each connection, until 10 000 are answered: wrong ones end their connection.
    private func answersAnyBytes(_ stack: Stack, _ witness: HostileWitness) async throws {
        let given = ProcessInfo.processInfo.environment["HOSTILE_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 1...1_000_000)
        print("HOSTILE_SEED=\(seed) makes the same requests again")
        let port = stack.port
        var (statuses, faults): ([Int], [String]) = ([], [])
        try await withThrowingTaskGroup(of: [(requests: [[UInt8]], responses: [HostileResponse])].self) { group in
            for client in 0..<8 {
                group.addTask {
                    try await onThread {
                        var requests = HostileRequests(seed: seed &* 8 &+ UInt64(client))
                        var connections: [(requests: [[UInt8]], responses: [HostileResponse])] = []
                        var answered = 0
                        while answered < 1250 && connections.count < 1250 {
                            let five = (0..<5).map { _ in requests.request() }
                            let socket = try HostileSocket(port: port)
                            for request in five { socket.send(request) }
                            let responses = HostileResponse.all(socket.receive(silence: .milliseconds(100)).bytes)
                            answered += responses.count
                            connections.append((five, responses))
                        }
                        return connections
                    }
                }
            }
            for try await connections in group {
                for (requests, responses) in connections {
                    statuses += responses.map(\.status)
                    let sent = requests.map { String(decoding: $0, as: UTF8.self).debugDescription }
                    faults += responses.compactMap(\.fault).map { "\($0) for \(sent.joined(separator: "\n"))" }
                }
            }
        }
        #expect(faults.isEmpty, "HOSTILE_SEED=\(seed): \(faults.count), such as \(faults.first ?? "")")
        // Many of each kind, or this says little.
        let counts = Dictionary(grouping: statuses) { $0 / 100 }.mapValues(\.count)
        #expect(statuses.count >= 10_000 && counts[2, default: 0] > 1000, "HOSTILE_SEED=\(seed): \(counts)")
        try await witness.isServed(after: "HOSTILE_SEED=\(seed)")
    }
}
