import Service
import Testing

@Suite("RedisURL")
struct RedisURLTests {
    @Test(
        "What is right is read",
        arguments: [
            ("redis://redis", RedisURL(host: "redis")),
            ("redis://redis/", RedisURL(host: "redis")),
            ("redis://redis:6380/3", RedisURL(host: "redis", port: 6380, database: 3)),
            ("redis://:pass@10.0.0.1:6379/0", RedisURL(host: "10.0.0.1", password: "pass")),
            ("redis://:p%40s%2Fs%25%3a@h", RedisURL(host: "h", password: "p@s/s%:")),
            ("redis://:p@ss@h", RedisURL(host: "h", password: "p@ss")),
            ("redis://:a:b@h", RedisURL(host: "h", password: "a:b")),
            ("redis://:%C3%A9@h", RedisURL(host: "h", password: "é")),
            ("redis://:@h", RedisURL(host: "h")),
            ("redis://@h", RedisURL(host: "h")),
            ("redis://[::1]", RedisURL(host: "::1")),
            ("redis://:x@[fe80::1]:1/2", RedisURL(host: "fe80::1", port: 1, password: "x", database: 2)),
        ])
    func valid(text: String, expected: RedisURL) throws {
        #expect(try RedisURL(parsing: text) == expected)
    }

    @Test(
        "What is wrong is a fault",
        arguments: [
            "", "redis", "redis:", "redis://", "redis:///0", "redis://:6379", "http://h", "REDIS://h", "rediss://h",
            "redis://user:pw@h", "redis://user@h", "redis://:%4@h", "redis://:%zz@h", "redis://:%FF@h",
            "redis://h:0", "redis://h:65536", "redis://h:", "redis://h:+1", "redis://h:x", "redis://h:1:2",
            "redis://h/x", "redis://h/-1", "redis://h/0/1", "redis://h/99999999999", "redis://h?db=1", "redis://h/0?x",
            "redis://[::1", "redis://[]", "redis://[127.0.0.1]", "redis://[::1]x", "redis://::1", "redis://a b",
            "redis://h\n", "redis://:p/w@h",
        ])
    func invalid(text: String) {
        #expect(throws: ValueFault.self) { try RedisURL(parsing: text) }
    }

    @Test("A user is a fault of its own, and so is TLS")
    func unsupported() {
        #expect(throws: ValueFault("names a user, which is not supported: give :password@ only")) {
            try RedisURL(parsing: "redis://user:pw@h")
        }
        #expect(throws: ValueFault("asks for TLS, which is not supported: use redis://")) {
            try RedisURL(parsing: "rediss://h")
        }
    }

    @Test("Printed in any way, it hides its password")
    func hidden() {
        let url = RedisURL(host: "::1", password: "hunter2", database: 1)
        #expect(url.description == "redis://:***@[::1]:6379/1")
        #expect(RedisURL(host: "h").description == "redis://h:6379/0")
        var dumped = ""
        dump([url], to: &dumped)
        for text in ["\(url)", "\([url])", String(reflecting: url), dumped] { #expect(!text.contains("hunter2")) }
    }
}
