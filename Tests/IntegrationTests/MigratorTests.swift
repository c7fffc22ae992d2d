import JobStorage
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
        try Migrator(files, url: scratch.databaseURL).run { if case .applied(let file) = $0 { applied.append(file.name) } }
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
}
