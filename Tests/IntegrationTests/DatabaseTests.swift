import Glibc
import JobStorage
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct DatabaseTests {
    static let asking = Statement("ask_backend", "SELECT pg_backend_pid()")

    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `every connection that is made raises the generation`() throws {
        let database = Database(url: scratch.databaseURL, name: "tests", timeout: .seconds(20))
        #expect(database.generation == 0)
        for _ in 0..<2 { _ = try database.execute(DatabaseTests.asking, Parameters()) }
        #expect(database.generation == 1)
        let backend = try database.execute(DatabaseTests.asking, Parameters()).int32(0, 0)
        try scratch.sql("SELECT pg_terminate_backend(\(backend))")
        #expect(try database.execute(DatabaseTests.asking, Parameters()).int32(0, 0) != backend)
        #expect(database.generation == 2)
    }

    @Test func `a connection that the server has closed is noticed without a statement`() async throws {
        let database = Database(url: scratch.databaseURL, name: "tests", timeout: .seconds(20))
        let backend = try database.execute(DatabaseTests.asking, Parameters()).int32(0, 0)
        var now = ContinuousClock.now + .seconds(1)
        database.lookAtConnection(now: now)
        #expect(database.generation == 1)
        try scratch.sql("SELECT pg_terminate_backend(\(backend))")
        try await eventually {
            database.lookAtConnection(now: now + .milliseconds(99))
            #expect(database.generation == 1, "it looks more often than every 100 ms")
            now += .milliseconds(100)
            database.lookAtConnection(now: now)
            return database.generation == 2
        }
        database.lookAtConnection(now: now + .seconds(1))
        #expect(database.generation == 2, "a loss counts once")
    }

    static let sleeping = Statement("sleep", "SELECT pg_sleep(10)")

    /// Who asks all the time while statements fail at once must not put the next try off for ever.
    @Test func `after a statement without an answer others fail at once, for a moment`() async throws {
        let database = Database(url: scratch.databaseURL, name: "tests", timeout: .milliseconds(300))
        // The server's own limit comes first otherwise.
        _ = try database.execute(Statement("unlimit", "SET statement_timeout = 0"), Parameters())
        #expect(throws: PostgresError.self) { _ = try database.execute(DatabaseTests.sleeping, Parameters()) }
        let began = ContinuousClock.now
        var refused = 0
        while (try? database.execute(DatabaseTests.asking, Parameters()).count) == nil {
            refused += 1
            try #require(began.duration(to: .now) < .seconds(20), "it does not come back")
        }
        #expect(refused > 1)
        #expect(began.duration(to: .now) >= .milliseconds(200))
    }

    // MARK: - Sessions that are of no further use

    static let forbidding = Statement("forbid", "SET default_transaction_read_only = on")
    static let writing = Statement("write", "INSERT INTO things VALUES (1)")
    static let reading = Statement("read", "SELECT * FROM things")
    static let forgetting = Statement("forget", "DEALLOCATE ALL")

    func database(with table: String = "CREATE TABLE things (a integer)") throws -> Database {
        try scratch.sql(table)
        return Database(url: scratch.databaseURL, name: "tests", connectTimeout: .seconds(20), timeout: .seconds(20))
    }

    @Test func `a session that may not write any more is replaced, and the statement said again`() throws {
        let database = try database()
        _ = try database.execute(DatabaseTests.forbidding, Parameters())
        _ = try database.execute(DatabaseTests.writing, Parameters())
        #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 1)
        #expect(database.generation == 2)
    }

    @Test func `while the database is read-only, reads go on and new sessions are few`() async throws {
        let database = try database()
        _ = try database.execute(DatabaseTests.forbidding, Parameters())
        let name = try scratch.sql("SELECT current_database()")[0]
        try scratch.sql("ALTER DATABASE \(name) SET default_transaction_read_only = on")
        let sessions = "SELECT sessions FROM pg_stat_database WHERE datname = '\(name)'"
        // From another database: a session in this one would count, and is no longer to be had by a test either.
        let outside = try Connection(url: try Servers.shared.get().url(database: "postgres"), name: "tests")
        func count() throws -> Int { Int(try outside.run(sessions).text(0, 0) ?? "") ?? 0 }
        let before = try count()
        let (began, tries) = (ContinuousClock.now, 400)
        for _ in 0..<tries {
            #expect(throws: PostgresError.self) { _ = try database.execute(DatabaseTests.writing, Parameters()) }
            #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 0)
        }
        let pauses = Int((ContinuousClock.now - began) / .milliseconds(250)) + 1
        #expect(database.generation == 1)
        // What a session did is counted when it ends, or a little later.
        try await eventually(within: .seconds(10), "new sessions") { try count() > before }
        let made = try count() - before
        #expect(made <= pauses && pauses < tries / 2, "\(made) sessions in \(pauses) pauses")
        try outside.run("ALTER DATABASE \(name) RESET ALL")
        try await eventually(within: .seconds(2), "writes are taken") {
            (try? database.execute(DatabaseTests.writing, Parameters())) != nil
        }
    }

    @Test func `a session that lost its statements is replaced`() throws {
        let database = try database()
        for _ in 0..<2 {
            #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 0)
            _ = try database.execute(DatabaseTests.forgetting, Parameters())
            #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 0)
            usleep(300_000)
        }
        #expect(database.generation == 3)
    }

    @Test func `a session whose plans are out of date is replaced`() throws {
        let database = try database()
        #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 0)
        try scratch.sql("ALTER TABLE things ADD COLUMN b integer")
        #expect(try database.execute(DatabaseTests.reading, Parameters()).count == 0)
        #expect(database.generation == 2)
    }
}
