import Glibc
import Service
import Testing

@Suite("Settings from files")
struct SettingFileTests {
    @Test(
        "The value is the content without one newline at its end",
        arguments: [("s3cret\n", "s3cret"), ("s3cret", "s3cret"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b ", " a b ")])
    func content(content: String, expected: String) throws {
        try ScratchFile.with(Array(content.utf8)) { path in
            var environment = Environment(["DATABASE_URL_FILE": path])
            #expect(environment.required("DATABASE_URL") == expected)
            try environment.finish()
        }
    }

    @Test(
        "A file that holds no setting is a fault",
        arguments: [[], Array("\n".utf8), [0xFF, 0xFE], [0x61, 0, 0x62], [UInt8](repeating: 0x61, count: 65537)])
    func fault(content: [UInt8]) throws {
        try ScratchFile.with(content) { path in
            var environment = Environment(["DATABASE_URL_FILE": path])
            _ = environment.required("DATABASE_URL")
            #expect(environment.faults.count == 1)
            #expect(environment.faults.allSatisfy { $0.hasPrefix("DATABASE_URL_FILE names a") })
        }
    }

    @Test("A file that cannot be read is a fault that names it", arguments: ["/nowhere/at-all", "/tmp"])
    func unreadable(path: String) {
        var environment = Environment(["DATABASE_URL_FILE": path])
        _ = environment.required("DATABASE_URL")
        #expect(environment.faults.count == 1)
        #expect(
            environment.faults.allSatisfy { $0.hasPrefix("DATABASE_URL_FILE names '\(path)', which cannot be read: ") })
    }

    @Test("What is no path, and so may be the secret under the wrong name, is not repeated")
    func misplaced() {
        var environment = Environment(["DATABASE_URL_FILE": "postgres://user:hunter2@db/jobs"])
        _ = environment.required("DATABASE_URL")
        let expected = "DATABASE_URL_FILE names a file, which cannot be read: No such file or directory"
        #expect(environment.faults == [expected])
    }

    @Test("A setting given both ways is a fault, and neither value is shown")
    func both() {
        var environment = Environment(["DATABASE_URL": "hunter2", "DATABASE_URL_FILE": "/etc/passwd"])
        _ = environment.required("DATABASE_URL")
        #expect(environment.faults == ["DATABASE_URL and DATABASE_URL_FILE are both set: set one of them"])
    }

    @Test("A fault does not repeat what a file holds")
    func hidden() throws {
        try ScratchFile.with(Array("hunter2".utf8)) { path in
            var environment = Environment(["JOB_LEASE_FILE": path, "LOG_LEVEL_FILE": path])
            _ = environment.integer("JOB_LEASE", default: 1, in: 1...2)
            _ = environment.choice("LOG_LEVEL", default: LogLevel.info)
            #expect(environment.faults.count == 2)
            #expect(environment.faults.allSatisfy { !$0.contains("hunter2") })
        }
    }
}
