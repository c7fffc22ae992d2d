import Service
import Testing

@Suite("ListenAddress")
struct ListenAddressTests {
    @Test(
        "A path or a host and a port is read, and printed as it was given",
        arguments: [
            ("/run/job.sock", ListenAddress.path("/run/job.sock")), ("./job.sock", .path("./job.sock")),
            ("127.0.0.1:9000", .network(host: "127.0.0.1", port: 9000)),
            ("job-api:65535", .network(host: "job-api", port: 65535)),
            ("[::1]:9000", .network(host: "::1", port: 9000)), ("[::]:1", .network(host: "::", port: 1)),
        ])
    func valid(text: String, expected: ListenAddress) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == expected)
        #expect(address.description == text)
    }

    @Test(
        "Anything else is a fault",
        arguments: [
            "", "9000", ":9000", "host", "host:", "host:0", "host:65536", "host:x", "::1:9000", "[::1]", "[x]:1",
            "a b:1", "*:9000", "[::1]9000",
        ])
    func invalid(text: String) {
        #expect(throws: ValueFault.self) { try ListenAddress(parsing: text) }
    }

    @Test("A path must fit a socket's address", arguments: [(107, true), (108, false)])
    func length(bytes: Int, fits: Bool) {
        let path = "/" + String(repeating: "x", count: bytes - 1)
        #expect((try? ListenAddress(parsing: path)) == (fits ? .path(path) : nil))
    }
}
