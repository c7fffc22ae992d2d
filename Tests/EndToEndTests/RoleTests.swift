import Foundation
import TestSupport
import Testing

/// What a program that was taken over could do to the database: what it does anyway, and no more.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RoleTests {
    static let refused = [
        "job_fcgi": [
            "DELETE FROM jobs", "DELETE FROM windows", "DELETE FROM announcements", "TRUNCATE jobs",
            "UPDATE jobs SET status = 'failed'", "SELECT * FROM reconciliation",
            "UPDATE schema_migrations SET name = ''",
            "CREATE TABLE theirs ()", "CREATE FUNCTION theirs() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE jobs ADD theirs integer", "DROP TABLE jobs", "CREATE ROLE theirs",
        ],
        "job_worker": [
            "DELETE FROM jobs", "INSERT INTO jobs (object_id, status) VALUES (1, 'created')", "TRUNCATE jobs",
            "UPDATE jobs SET object_id = 2", "UPDATE jobs SET created_at = now()", "SELECT * FROM windows",
            "SELECT nextval('jobs_id_seq')", "CREATE TABLE theirs ()", "DROP TABLE jobs", "CREATE ROLE theirs",
        ],
    ]

    private func sqlAsSuperuser(_ statement: String, _ stack: Stack) async throws {
        try await Shell.check(
            ["psql", "--username=postgres", "--dbname=jobs", "--no-psqlrc", "--command=\(statement)"],
            environment: [
                "PGHOST": "\(stack.directory)/postgres",
                "PGPASSWORD": try String(contentsOfFile: "\(stack.directory)/password-postgres", encoding: .utf8),
            ])
    }

    /// - Returns: what it said.
    @discardableResult
    private func migrate(_ stack: Stack) async throws -> String {
        try await stack.shell(
            "JOB_MIGRATIONS='\(Scratch.root)/db/migrations' '\(Scratch.root)/.build/release/job-migrate' 2>&1")
    }

    @Test func givesEachProgramWhatItNeedsAndNoMore() async throws {
        let stack = try await Stack(["JOB_COMMAND": "true", "WORKERS": "1", "FCGI": "1"])
        // As it was in PostgreSQL 14.
        try await sqlAsSuperuser("GRANT CREATE ON SCHEMA public TO PUBLIC", stack)
        try await migrate(stack)
        _ = try await stack.wait(for: try await stack.create(1), "success")
        let users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'job-%' ORDER BY 1"
        #expect(try await stack.sql(users) == "job_fcgi\njob_worker")
        for (role, statements) in RoleTests.refused {
            for statement in statements {
                let answer = try await stack.shell(
                    "psql \"$(cat '\(stack.directory)/database-url-\(role)')\" -qAt -c \"\(statement)\" 2>&1 || true")
                let isRefused = answer.contains("permission denied") || answer.contains("must be owner")
                #expect(isRefused, "\(role) may: \(statement): \(answer)")
            }
        }
        try await stack.remove()
    }

    @Test func `an owner of the tables who does not own the schema public can migrate`() async throws {
        let stack = try await Stack(["JOB_COMMAND": "true", "WORKERS": "1", "FCGI": "1"])
        try await sqlAsSuperuser("ALTER SCHEMA public OWNER TO postgres", stack)
        try await sqlAsSuperuser("GRANT CREATE ON SCHEMA public TO PUBLIC", stack)
        let told = try await migrate(stack)
        #expect(!told.contains("WARNING"), "\(told)")
        _ = try await stack.wait(for: try await stack.create(1), "success")
        try await stack.remove()
    }
}
