import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// A port on which connections are taken by the kernel and never answered: PostgreSQL, frozen.
    @Test func goesOnToTheNextHostWhenOneDoesNotAnswer() throws {
        let silent = try SilentPort()
        let servers = try Servers.shared.get()
        let hosts = "host=127.0.0.1,\(servers.directory.path) port=\(silent.number),5432"
        let url = "\(hosts) user=tests dbname=postgres"
        let connection = try Connection(url: url, name: "tests", connectTimeout: .milliseconds(300))
        #expect(try connection.run("SELECT 1").count == 1)
    }

    @Test func givesUpOnAServerThatDoesNotAnswer() throws {
        let silent = try SilentPort()
        let began = ContinuousClock.now
        #expect {
            _ = try Connection(
                url: "postgresql://tests@127.0.0.1:\(silent.number)/postgres", name: "tests",
                connectTimeout: .milliseconds(300))
        } throws: {
            ($0 as? PostgresError)?.kind == .timeout
        }
        #expect(ContinuousClock.now - began < .seconds(60))
    }

    @Test func tellsWhatTheServerSaid() throws {
        let connection = try scratch.connection()
        #expect {
            try connection.run("SELECT 1 / 0")
        } throws: {
            guard let error = $0 as? PostgresError else { return false }
            return error.kind == .server && error.sqlState == SQLState("22012")
        }
        #expect(connection.isOpen)
        #expect(try connection.run("SELECT 1").count == 1)
    }

    @Test func tellsThatItsBackendIsGone() throws {
        let connection = try scratch.connection()
        let pid = try connection.run("SELECT pg_backend_pid()").text(0, 0) ?? ""
        try scratch.sql("SELECT pg_terminate_backend(\(pid))")
        #expect {
            try connection.run("SELECT 1")
        } throws: {
            ($0 as? PostgresError)?.kind == .connection
        }
        #expect(!connection.isOpen)
    }

    @Test func makesStatementsDurableWhateverTheDefault() throws {
        try scratch.sql(
            "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$")
        #expect(try scratch.sql("SHOW synchronous_commit") == ["on"])
    }

    @Test(arguments: [(nil, "1800ms"), (Duration.milliseconds(300), "300ms"), (.zero, "1ms")])
    func `a lock is waited for as long as was said`(given: Duration?, shown: String) throws {
        let connection = try Connection(
            url: scratch.databaseURL, name: "tests", timeout: .seconds(4), lockTimeout: given)
        #expect(try connection.run("SHOW lock_timeout").text(0, 0) == shown)
    }

    // MARK: - Several hosts

    var directory: String { get throws { try Servers.shared.get().directory.path } }

    func url(hosts: String, ports: String, _ more: String = "") -> String {
        "host=\(hosts) port=\(ports) user=tests dbname=postgres \(more)"
    }

    func failure(_ url: String, within limit: Duration) -> String {
        do {
            _ = try Connection(url: url, name: "tests", connectTimeout: limit)
            return "connected"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [0, 1, 2]) func `a host without a port is reached on the default one`(place: Int) throws {
        var (hosts, ports) = (["127.0.0.1", "127.0.0.2", "127.0.0.3"], ["1", "1", "1"])
        (hosts[place], ports[place]) = (try directory, "")
        let url = url(hosts: hosts.joined(separator: ","), ports: ports.joined(separator: ","))
        let connection = try Connection(url: url, name: "tests", connectTimeout: .seconds(20))
        #expect(try connection.run("SELECT 1").count == 1)
    }

    @Test func `the error names every host that was tried`() throws {
        let silent = try SilentPort()
        let url = url(hosts: "127.0.0.1,127.0.0.2,nowhere.invalid,127.0.0.1", ports: "1,2,3,\(silent.number)")
        let text = failure(url, within: .seconds(2))
        for words in [
            #"connection to server at "127.0.0.1", port 1 failed: Connection refused"#,
            #"at "127.0.0.2", port 2 failed"#,
            "cannot resolve the host nowhere.invalid", "port \(silent.number) failed: no connection in time",
        ] { #expect(text.contains(words), "\(text)") }
    }

    @Test func `several hosts together have the time of one`() throws {
        let silent = try (0..<5).map { _ in try SilentPort() }
        let hosts = silent.map { _ in "127.0.0.1" }.joined(separator: ",")
        let began = ContinuousClock.now
        let text = failure(
            url(hosts: hosts, ports: silent.map { "\($0.number)" }.joined(separator: ",")), within: .milliseconds(600))
        #expect(ContinuousClock.now - began < .milliseconds(1500))
        for port in silent { #expect(text.contains("port \(port.number) failed: no connection in time"), "\(text)") }
    }

    @Test func `a slow host is not given up for the next`() async throws {
        let silent = try SilentPort()
        let url = url(
            hosts: "\(try directory),127.0.0.1", ports: "5432,\(silent.number)", "options='-c post_auth_delay=2'")
        #expect(try await onThread { failure(url, within: .seconds(3)) } == "connected")
    }

    @Test func `the session's set-up is part of the connection's time`() throws {
        // The server answers the set-up's first statement with a function that sleeps.
        try scratch.sql(
            """
            CREATE SCHEMA slow;
            CREATE FUNCTION slow.pg_backend_pid() RETURNS integer LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_sleep(5); RETURN 1; END'
            """)
        let began = ContinuousClock.now
        let text = failure("\(scratch.databaseURL)&options=-csearch_path%3Dslow,pg_catalog", within: .milliseconds(500))
        #expect(text.contains("no answer from PostgreSQL in time"))
        #expect(ContinuousClock.now - began < .seconds(4))
    }

    // MARK: - The session

    @Test func `text is UTF-8, whatever else was asked for`() throws {
        let connection = try Connection(url: "\(scratch.databaseURL)&client_encoding=LATIN1", name: "tests")
        #expect(try connection.run("SHOW client_encoding").text(0, 0) == "UTF8")
    }

    @Test func `what the server has to say besides does not reach the standard error`() async throws {
        let url = scratch.databaseURL
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            [url = url as String] in
            let connection = try Connection(url: url, name: "tests")
            try connection.run("DO $$ BEGIN RAISE WARNING 'besides'; END $$")
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(!text.contains("besides"))
    }
}
