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
}
