import TestSupport

/// Makes HTTP requests: right ones, odd ones, and either with a few bytes changed. The same seed makes the same.
struct HostileRequests: RandomNumberGenerator {
    private var random: SplitMix64

    /// What the service knows, and beside it what it does not.
    private static let methods = ["POST", "POST", "POST", "GET", "GET", "HEAD"]
    private static let oddMethods = [
        "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "", "P\u{0}ST", "G_ET", "PROPFIND", "X",
    ]
    private static let paths = ["/v1/jobs", "/v1/jobs", "/v1/jobs", "/v1/jobs/1", "/v1/jobs/2", "/healthz", "/readyz"]
    private static let oddPaths = [
        "/v1/jobs/0", "/v1/jobs/-1", "/v1/jobs/01", "/v1/jobs/9223372036854775808", "/v1/jobs/", "/v1/jobs/1/x",
        "//v1//jobs/1", "/v1/../v1/jobs/1", "/../..", "/_problem", "/", "*", "http://a/v1/jobs/1", "http://",
        "/v1/jobs?object_id=1", "/v1/jobs/%31", "/v1/jobs/%00", "/v1/jobs/%0d%0aX:y", "/%", "/%2e%2e/%2e%2e", "/é",
        "\u{1}", "jobs", "/v1/jobs#1", "/v1/jobs/1 x",
    ]
    private static let oddVersions = [
        " HTTP/1.0", " HTTP/0.9", " HTTP/2.0", " HTTP/9.9", " HTTP/1.10", " http/1.1", " HTTP/1.", " HTTP", "",
        "  HTTP/1.1 ",
    ]
    private static let headers = [
        "Connection: upgrade", "Upgrade: h2c", "Expect: 100-continue", "Expect: x", "If-None-Match: *",
        "If-None-Match: \"1\", W/\"2\"", "If-Match: \"1\"", "If-Modified-Since: x",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        "Range: bytes=0-0", "Range: bytes=9-1", "If-Range: \"1\"", "Accept: nothing", "Accept-Encoding: gzip",
        "X-Request-Id: a b", "X-Request-Id: ok", "Proxy: http://b", "Status: 500", "REQUEST_METHOD: GET",
        "Document-Uri: /healthz", "Te: trailers", "Trailer: Host", "X-Forwarded-For: 10.0.0.1",
        "Authorization: Basic x", "Cookie: a=b", "X:", "X: é", "A_B: c",
    ]
    private static let oddHeaders = [
        "Content-Type: text/plain", "Content-Type: application/json;charset=\"", "Content-Type:", "Host: b", "Host:",
        "Host: a:b:c", "Host: [", "Connection: close", "Transfer-Encoding: gzip", "Transfer-Encoding: identity",
        "Content-Length: 1", "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 20000",
        ": x", "no colon", " folded", "X\u{0}: y", "Ünder: x", "X: " + String(repeating: "x", count: 8000),
        "X: " + String(repeating: "x", count: 40_000),
    ]
    private static let bodies = [
        "{\"object_id\":1}", "{\"object_id\":2}", "{\"object_id\":-7}", "{\"object_id\":3,\"object_id\":4}",
    ]
    private static let oddBodies = [
        "{\"object_id\":99999999999}", "{\"object_id\":1.0}", "{\"object_id\":", "[]", "null", "", "\u{FEFF}{}", "{}",
        "{\"a\":\"\\ud800\"}", "<job/>", "object_id=1", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        String(repeating: "[", count: 100), String(repeating: "[", count: 16_384),
        String(repeating: "[", count: 16_385),
    ]

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { random.next() }

    mutating func request() -> [UInt8] {
        let method = pick(Self.methods, or: Self.oddMethods)
        let version = chance(1, of: 12) ? pick(Self.oddVersions) : " HTTP/1.1"
        var lines = [method + " " + pick(Self.paths, or: Self.oddPaths) + version, "Host: a"]
        for _ in 0..<Int.random(in: 0...3, using: &self) { lines.append(pick(Self.headers)) }
        if chance(1, of: 8) { lines.append(pick(Self.oddHeaders)) }
        if !chance(1, of: 12) { lines.append("Content-Type: application/json") }
        let body = pick(Self.bodies, or: Self.oddBodies)
        let isChunked = chance(1, of: 4)
        if isChunked || !chance(1, of: 12) {
            lines.append(isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.utf8.count)")
        }
        let end = chance(1, of: 12) ? "\n" : "\r\n"
        var bytes = Array((lines + ["", isChunked ? chunked(body) : body]).joined(separator: end).utf8)
        if chance(1, of: 6) { for _ in 0..<Int.random(in: 1...3, using: &self) { change(&bytes) } }
        return bytes
    }

    private mutating func chunked(_ body: String) -> String {
        var chunks = ""
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...max(1, body.count), using: &self))
            rest = rest.dropFirst(piece.count)
            let size = String(piece.utf8.count, radix: 16, uppercase: chance(1, of: 2))
            let sign = chance(1, of: 20) ? pick(["+", "-", "fffffffffffffff", "0x"]) : pick(["", "0"])
            chunks += sign + size + pick(["", "", ";a=b", " "]) + "\r\n\(piece)\r\n"
        }
        return chunks + (chance(1, of: 12) ? pick(["0\r\n", "00\n\n", ""]) : pick(["0\r\n\r\n", "0\r\nX: y\r\n\r\n"]))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let at = Int.random(in: 0...bytes.count, using: &self)
        let end = min(bytes.count, at + Int.random(in: 0...8, using: &self))
        switch Int.random(in: 0..<5, using: &self) {
        case 0: bytes.removeSubrange(at..<end)
        case 1: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &self))
        case 2: bytes.insert(UInt8.random(in: .min ... .max, using: &self), at: at)
        case 3: bytes.insert(contentsOf: Array(pick(["\r\n", "\n", "\r", "\0", "\r\n\r\n", ":", " "]).utf8), at: at)
        default: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self) }
        }
    }

    private mutating func chance(_ count: Int, of all: Int) -> Bool { Int.random(in: 0..<all, using: &self) < count }

    private mutating func pick(_ choices: [String], or odd: [String]? = nil) -> String {
        let choices = odd.flatMap { chance(1, of: 4) ? $0 : nil } ?? choices
        return choices[Int.random(in: choices.indices, using: &self)]
    }
}
