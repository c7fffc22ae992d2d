import JobStorage
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct MigratorTests {
    let scratch: Scratch
    let files: [MigrationFile]

    init() throws {
        scratch = try Scratch(migrated: false)
        files = try Scratch.migrations()
    }

    /// - Returns: the names of what was applied.
    func migrate(_ files: [MigrationFile]) throws -> [String] {
        var applied: [String] = []
        try Migrator(files, url: scratch.databaseURL).run {
            if case .applied(let file) = $0 { applied.append(file.name) }
        }
        return applied
    }

    func refusal(of files: [MigrationFile]) -> String {
        do { return "applied \(try migrate(files))" } catch { return "\(error)" }
    }

    @Test func appliesEachMigrationOnce() throws {
        #expect(try migrate(Array(files[..<2])) == files[..<2].map(\.name))
        #expect(try migrate(files) == files[2...].map(\.name))
        #expect(try migrate(files).isEmpty)
        #expect(try scratch.store().migration() == Int32(files.count))
        #expect(JobStore.requiredMigration <= files.count)
    }

    @Test func canBeRunByManyAtOnce() async throws {
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { try await onThread { try migrate(files) } } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied == files.map(\.name))
    }

    @Test func refusesAChangedOrMissingOne() throws {
        _ = try migrate(files)
        var changed = files
        changed[1] = MigrationFile(version: 2, name: files[1].name, sql: files[1].sql + " ")
        #expect(refusal(of: changed).contains("0002_bigint_ids.sql was changed"))
        #expect(refusal(of: Array(files.dropLast())).contains("its file is missing"))
        changed[1] = MigrationFile(version: 2, name: "0002_other.sql", sql: files[1].sql)
        #expect(refusal(of: changed).contains("0002_other.sql is in its place"))
    }

    @Test func leavesNothingOfOneThatFails() throws {
        let broken = MigrationFile(
            version: Int32(files.count + 1), name: "0099_broken.sql", sql: "CREATE TABLE half (a int); SELECT 1 / 0;")
        #expect(refusal(of: files + [broken]).contains("division by zero"))
        #expect(try scratch.sql("SELECT to_regclass('half') IS NULL AND to_regclass('jobs') IS NOT NULL") == ["t"])
        #expect(try scratch.store().migration() == Int32(files.count))
    }

    @Test func beginsWithTheOriginalSchema() {
        #expect(files[0].name == "0001_jobs.sql")
        let original = #"""
            CREATE TABLE IF NOT EXISTS "jobs" (
            "id" serial PRIMARY KEY,
            "object_id" integer NOT NULL,
            "status" text NOT NULL,
            "start_time" timestamp(6),
            "end_time" timestamp(6),
            "message" TEXT,
            "created_at" timestamp(6) NOT NULL DEFAULT timezone('utc'::text, now())
            );

            """#
        #expect(files[0].sql == original)
    }

    // MARK: - Locks

    func next(_ sql: String, name: String = "9999_next.sql") -> [MigrationFile] {
        files + [MigrationFile(version: Int32(files.count + 1), name: name, sql: sql)]
    }

    static let grants = "DO $$ BEGIN LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE; END $$"

    /// Holds a lock on the jobs, as a dump does.
    func holdJobs() throws -> Connection {
        let connection = try scratch.connection()
        try connection.run("SET idle_in_transaction_session_timeout = 0")
        try connection.run("BEGIN")
        try connection.run("LOCK TABLE jobs IN ACCESS SHARE MODE")
        return connection
    }

    @Test func `a migration waits for a lock, and others wait a second at most behind it`() async throws {
        _ = try migrate(files)
        let holder = try holdJobs()
        let url = scratch.databaseURL
        let migrator = Task { [files = next("ALTER TABLE jobs ADD COLUMN b integer")] in
            try await onThread {
                var events: [Migrator.Event] = []
                try Migrator(files, url: url).run { events.append($0) }
                return (events, files)
            }
        }
        let waiting = "SELECT FROM pg_locks WHERE relation = 'jobs'::regclass AND NOT granted"
        try await eventually(within: .seconds(20), "the migration waits") { try !scratch.sql(waiting).isEmpty }
        let longest = try await onThread { [scratch] in
            let end = ContinuousClock.now + .seconds(5)
            var longest = Duration.zero
            while ContinuousClock.now < end {
                let began = ContinuousClock.now
                try scratch.sql("SELECT count(*) FROM jobs")
                longest = max(longest, ContinuousClock.now - began)
            }
            return longest
        }
        #expect(longest > .milliseconds(500) && longest < .milliseconds(2500))
        try holder.run("COMMIT")
        let (events, files) = try await migrator.value
        #expect(events == [.waitsForLock(file: "9999_next.sql"), .applied(files[files.count - 1])])
    }

    @Test func `a migration that does not get its locks says what to do, and leaves nothing`() throws {
        _ = try migrate(files)
        let holder = try holdJobs()
        let files = next("CREATE TABLE half (a int); ALTER TABLE jobs ADD COLUMN b integer")
        let error = #expect(throws: MigrationError.self) {
            try Migrator(files, url: scratch.databaseURL, lockPatience: .zero).run { _ in }
        }
        #expect(error?.description.hasPrefix("9999_next.sql was not applied: ") == true)
        try holder.run("COMMIT")
        #expect(try scratch.sql("SELECT to_regclass('half') IS NULL") == ["t"])
        #expect(try migrate(files) == ["9999_next.sql"])
    }

    @Test func `grants wait for locks as migrations do`() async throws {
        _ = try migrate(files)
        let holder = try holdJobs()
        let (url, files) = (scratch.databaseURL, files)
        let events = Events()
        let migrator = Task {
            try await onThread {
                try Migrator(files, grants: MigratorTests.grants, url: url).run { events.add($0) }
            }
        }
        try await eventually(within: .seconds(20), "the grants wait") {
            events.all == [.waitsForLock(file: "grants.sql")]
        }
        try holder.run("COMMIT")
        try await migrator.value
        #expect(events.all.count == 1)
    }

    final class Events: Sendable {
        private let mutex = Mutex<[Migrator.Event]>([])
        var all: [Migrator.Event] { mutex.withLock { $0 } }
        func add(_ event: Migrator.Event) { mutex.withLock { $0.append(event) } }
    }

    // MARK: - Without a transaction

    static let concurrent = """
        -- no transaction
        -- A comment; and one more;
        DROP INDEX CONCURRENTLY IF EXISTS jobs_object_idx;

        CREATE INDEX CONCURRENTLY jobs_object_idx
            ON jobs (object_id);
        -- The end.
        """

    @Test func `a file may run without a transaction, by many migrators at once`() async throws {
        let files = next(MigratorTests.concurrent)
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { try await onThread { try migrate(files) } } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied == files.map(\.name))
        let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'jobs_object_idx'::regclass"
        #expect(try scratch.sql(valid) == ["t"])
    }

    @Test func `only the first line of a file does that`() {
        for sql in ["\n" + MigratorTests.concurrent, "-- no transaction at all\nVACUUM;"] {
            #expect(refusal(of: next(sql)).contains("cannot run inside a transaction block"))
        }
    }

    // MARK: - The database

    @Test func `a long COMMIT has the migration's time`() async throws {
        let files = next(
            """
            CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION nap();
            INSERT INTO jobs (object_id, status) VALUES (1, 'created');
            """)
        #expect(try await onThread { try migrate(files) } == files.map(\.name))
    }

    @Test func `a database in another encoding is refused`() throws {
        let name = try scratch.sql("SELECT current_database() || '_latin'")[0]
        try scratch.sql("CREATE DATABASE \(name) ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        let url = try Servers.shared.get().url(database: name)
        let error = #expect(throws: MigrationError.self) { try Migrator(files, url: url).run { _ in } }
        #expect(error?.description.contains("the encoding LATIN1, and has to have UTF8") == true)
    }
}
