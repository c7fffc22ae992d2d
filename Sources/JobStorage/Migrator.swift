package import Postgres

/// Brings a database's schema up to date: each migration in a transaction of its own, under one advisory lock, so that any
/// number of migrators may be started at once.
package struct Migrator {
    /// The key of the advisory lock: "jobs" in ASCII.
    private static let lock = 0x6A6F_6273
    /// For one migration, and for the wait until another migrator is done.
    private static let timeout: Duration = .seconds(3600)

    private let connection: Connection
    private let files: [MigrationFile]
    private let grants: String?

    /// - Parameter grants: SQL that is run after the migrations, each time; it says what the other roles may do.
    package init(_ files: [MigrationFile], grants: String? = nil, url: String) throws(PostgresError) {
        self.files = files
        self.grants = grants
        connection = try Connection(url: url, name: "job-migrate", connectTimeout: .seconds(10))
    }

    /// Applies what is missing.
    /// - Parameter report: is told each migration that was applied, after it was.
    /// - Throws: `MigrationError` where a migration that was applied has been changed or is missing from the files;
    ///   `PostgresError` where one fails. What was applied before stays.
    package func run(_ report: (MigrationFile) -> Void) throws {
        try connection.run("SET statement_timeout = 0; SET lock_timeout = 0; SET client_min_messages = warning")
        try connection.run("SELECT pg_advisory_lock(\(Migrator.lock))", timeout: Migrator.timeout)
        try connection.run(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        let applied = try checkApplied()
        for file in files.dropFirst(applied) {
            try apply(file)
            report(file)
        }
        if let grants { try connection.run(grants) }
        try connection.run("SELECT pg_advisory_unlock(\(Migrator.lock))")
    }

    /// - Returns: how many of the files were applied already.
    private func checkApplied() throws -> Int {
        let rows = try connection.execute(Migrator.listing, Parameters())
        for row in 0..<rows.count {
            let (version, name) = (rows.int32(row, 0), rows.text(row, 1) ?? "")
            guard row < files.count else {
                throw MigrationError("\(name) was applied to this database, and its file is missing")
            }
            guard version == files[row].version, name == files[row].name else {
                throw MigrationError("\(name) was applied to this database, and \(files[row].name) is in its place")
            }
            guard try checksum(of: files[row]) == rows.text(row, 2) else {
                throw MigrationError("\(name) was changed after it was applied; put it back, and add a new one")
            }
        }
        return rows.count
    }

    private func checksum(of file: MigrationFile) throws(PostgresError) -> String? {
        var parameters = Parameters()
        parameters.add(file.sql)
        return try connection.execute(Migrator.hashing, parameters).text(0, 0)
    }

    private func apply(_ file: MigrationFile) throws(PostgresError) {
        var parameters = Parameters()
        parameters.add(file.version)
        parameters.add(file.name)
        parameters.add(file.sql)
        if file.sql.hasPrefix("-- no transaction\n") {
            for part in file.sql.split(separator: ";\n") {
                try connection.run(String(part), timeout: Migrator.timeout)
            }
            _ = try connection.execute(Migrator.recording, parameters)
            return
        }
        try connection.run("BEGIN")
        try connection.run(file.sql, timeout: Migrator.timeout)
        _ = try connection.execute(Migrator.recording, parameters)
        try connection.run("COMMIT")
    }

    private static let listing = Statement(
        "list_migrations", "SELECT version, name, checksum FROM schema_migrations ORDER BY version")

    private static let hashing = Statement(
        "hash_migration", "SELECT encode(sha256(convert_to($1::text, 'UTF8')), 'hex')")

    private static let recording = Statement(
        "record_migration",
        """
        INSERT INTO schema_migrations (version, name, checksum)
        VALUES ($1::integer, $2::text, encode(sha256(convert_to($3::text, 'UTF8')), 'hex'))
        """)
}
