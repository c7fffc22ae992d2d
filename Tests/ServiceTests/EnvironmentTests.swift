import Service
import Testing

@Suite("Environment")
struct EnvironmentTests {
    @Test(
        "A setting that is missing or empty has its default",
        arguments: [[:], ["JOB_LEASE": ""], ["JOB_LEASE_FILE": ""]])
    func defaults(variables: [String: String]) throws {
        var environment = Environment(variables)
        #expect(environment.integer("JOB_LEASE", default: 10, in: 1...3600) == 10)
        #expect(environment.string("JOB_LEASE") == nil)
        #expect(environment.choice("JOB_LEASE", default: LogLevel.notice) == .notice)
        #expect(environment.listenAddress("JOB_LEASE") == nil)
        try environment.finish()
    }

    @Test("A number within its range is read", arguments: [("1", 1), ("3600", 3600), ("007", 7)])
    func integer(text: String, expected: Int) throws {
        var environment = Environment(["JOB_LEASE": text])
        #expect(environment.integer("JOB_LEASE", default: 10, in: 1...3600) == expected)
        try environment.finish()
    }

    @Test(
        "Anything else is a fault that says what was given and what is allowed",
        arguments: ["0", "3601", "-1", "1.0", "1e2", " 5", "5s", "ten", "0x10", "99999999999999999999999"])
    func wrongInteger(text: String) {
        var environment = Environment(["JOB_LEASE": text])
        #expect(environment.integer("JOB_LEASE", default: 10, in: 1...3600) == 10)
        #expect(environment.faults == ["JOB_LEASE must be a whole number from 1 to 3600, not '\(text)'"])
    }

    @Test("What was given is shortened")
    func shortened() {
        var environment = Environment(["JOB_LEASE": String(repeating: "x", count: 1000)])
        _ = environment.integer("JOB_LEASE", default: 10, in: 1...3600)
        #expect(environment.faults.allSatisfy { $0.utf8.count < 120 && $0.hasSuffix("xxx…'") })
    }

    @Test("A setting that was renamed may still have its old name", arguments: ["JOB_MAX_LOSSES", "JOB_MAX_ATTEMPTS"])
    func renamed(name: String) {
        var environment = Environment([name: "7"])
        let number = environment.integer("JOB_MAX_LOSSES", default: 5, in: 1...10, formerly: "JOB_MAX_ATTEMPTS")
        #expect(number == 7 && environment.faults.isEmpty)
        let notice = "JOB_MAX_ATTEMPTS is the old name of JOB_MAX_LOSSES: set JOB_MAX_LOSSES instead"
        #expect(environment.notices == (name == "JOB_MAX_ATTEMPTS" ? [notice] : []))
    }

    @Test("A setting under both of its names is a fault", arguments: ["JOB_MAX_ATTEMPTS", "JOB_MAX_ATTEMPTS_FILE"])
    func bothNames(old: String) {
        var environment = Environment([old: "7", "JOB_MAX_LOSSES": "7"])
        _ = environment.integer("JOB_MAX_LOSSES", default: 5, in: 1...10, formerly: "JOB_MAX_ATTEMPTS")
        #expect(
            environment.faults == [
                "JOB_MAX_ATTEMPTS is the old name of JOB_MAX_LOSSES, and both are set: set JOB_MAX_LOSSES alone"
            ])
    }

    @Test("A choice ignores case, and a wrong one lists the right ones")
    func choice() {
        var environment = Environment(["A": "Debug", "B": "loud"])
        #expect(environment.choice("A", default: LogLevel.info) == .debug)
        #expect(environment.choice("B", default: LogLevel.info) == .info)
        let allowed = "trace, debug, info, notice, warning, error, critical"
        #expect(environment.faults == ["B must be one of \(allowed), not 'loud'"])
    }

    @Test("Every fault is reported at once, in order")
    func all() {
        var environment = Environment([
            "JOB_LEASE": "x", "JOB_TIMEOUT": "y", "REDIS_URL": "http://secret", "FCGI_LISTEN": "9000",
        ])
        _ = environment.integer("JOB_LEASE", default: 10, in: 1...2)
        _ = environment.integer("JOB_TIMEOUT", default: 10, in: 1...2)
        _ = environment.required("DATABASE_URL")
        _ = environment.redisURL("REDIS_URL")
        _ = environment.listenAddress("FCGI_LISTEN")
        environment.fault("A and B don't go together")
        let names = environment.faults.map { $0.prefix { $0 != " " } }
        #expect(names == ["JOB_LEASE", "JOB_TIMEOUT", "DATABASE_URL", "REDIS_URL", "FCGI_LISTEN", "A"])
        #expect(throws: ConfigurationError(faults: environment.faults)) { try environment.finish() }
    }

    @Test(
        "No fault repeats a secret",
        arguments: ["hunter2", "redis://hunter2", "redis://:hunter2@:1/x", "redis://:a/hunter2@b"])
    func secrets(value: String) {
        var environment = Environment(["REDIS_URL": value, "DATABASE_URL": value, "DATABASE_URL_FILE": value])
        _ = environment.redisURL("REDIS_URL")
        _ = environment.required("DATABASE_URL")
        #expect(environment.faults.allSatisfy { !$0.contains("hunter2") })
    }

    @Test("The process's own environment is the default")
    func process() {
        var environment = Environment()
        #expect(environment.string("PATH") != nil)
    }
}
