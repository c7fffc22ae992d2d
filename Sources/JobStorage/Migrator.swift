internal import Glibc
package import Postgres

/// Brings a database's schema up to date: each migration in a transaction of its own, under one advisory lock, so that any
/// number of migrators may be started at once.
package struct Migrator {
    package enum Event: Sendable, Equatable {
        case applied(MigrationFile)
        /// Another migrator is at work; this one goes on after it.
        case waitsForMigrator
        /// Another transaction holds a lock that the file needs. It is tried again until it can be had.
        case waitsForLock(file: String)
    }

    /// The key of the advisory lock: "jobs" in ASCII.
    private static let lock = 0x6A6F_6273
    /// For one migration.
    private static let timeout: Duration = .seconds(3600)
    /// Whoever asks for a table after a migration waits with it, and so no longer than this.
    private static let lockTimeout = "1s"
    /// Seconds between two tries, in which those who waited have their turn.
    private static let lockPause: UInt32 = 2
    /// How long to try to get the locks of one file.
    package static let lockPatience: Duration = .seconds(600)
    /// Microseconds between two looks whether another migrator is done.
    private static let turnPause: UInt32 = 200_000

    private let connection: Connection
    private let files: [MigrationFile]
    private let grants: String?
    private let lockPatience: Duration

    /// - Parameters:
    ///   - grants: SQL that is run after the migrations, each time; it says what the other roles may do.
    ///   - lockPatience: how long to try to get the locks of one file.
    package init(
        _ files: [MigrationFile], grants: String? = nil, url: String, lockPatience: Duration = Migrator.lockPatience
    ) throws(PostgresError) {
        self.files = files
        self.grants = grants
        self.lockPatience = lockPatience
        connection = try Connection(
            url: url, name: "job-migrate", connectTimeout: .seconds(10), timeout: Migrator.timeout)
    }

    /// Applies what is missing.
    /// - Parameter report: is told each migration that was applied, after it was, and what is waited for.
    /// - Throws: `MigrationError` where a migration that was applied has been changed or is missing from the files, or the
    ///   database is none that will do; `PostgresError` where one fails. What was applied before stays.
    package func run(_ report: (Event) -> Void) throws {
        try checkEncoding()
        try connection.run("SET statement_timeout = 0; SET lock_timeout = 0; SET client_min_messages = warning")
        try takeTurn(report)
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
            try withLocks(for: file.name, report) { () throws(PostgresError) in try apply(file) }
            report(.applied(file))
        }
        if let grants {
            try withLocks(for: "grants.sql", report) { () throws(PostgresError) in try connection.run(grants) }
        }
        try connection.run("SELECT pg_advisory_unlock(\(Migrator.lock))")
    }

    /// In another encoding the server could not store every message of a job.
    private func checkEncoding() throws {
        let encoding = try connection.run("SHOW server_encoding").text(0, 0) ?? ""
        guard encoding == "UTF8" else {
            throw MigrationError(
                "the database has the encoding \(encoding), and has to have UTF8: create another, WITH ENCODING 'UTF8' "
                    + "TEMPLATE template0")
        }
    }

    /// Takes the advisory lock. It is asked for again and again: who waits for it inside of a statement holds a snapshot,
    /// and CREATE INDEX CONCURRENTLY of the other migrator waits until there is no older one.
    private func takeTurn(_ report: (Event) -> Void) throws(PostgresError) {
        var isReported = false
        while try connection.run("SELECT pg_try_advisory_lock(\(Migrator.lock))").text(0, 0) != "t" {
            if !isReported { report(.waitsForMigrator) }
            isReported = true
            usleep(Migrator.turnPause)
        }
    }

    /// Runs `body`, and again for as long as another transaction holds a lock that it needs.
    private func withLocks(
        for file: String, _ report: (Event) -> Void, _ body: () throws(PostgresError) -> Void
    ) throws {
        let end = ContinuousClock.now + lockPatience
        var isReported = false
        while true {
            do throws(PostgresError) {
                // A file may have set its own.
                try connection.run("SET lock_timeout = '\(Migrator.lockTimeout)'")
                return try body()
            } catch {
                guard Migrator.isForLocks(error.sqlState) else { throw error }
                try connection.run("ROLLBACK")
            }
            guard .now < end else {
                throw MigrationError(
                    "\(file) was not applied: for \(lockPatience) another transaction held a table that it has to lock; "
                        + "end it (the oldest xact_start in pg_stat_activity), and run job-migrate again")
            }
            if !isReported { report(.waitsForLock(file: file)) }
            isReported = true
            sleep(Migrator.lockPause)
        }
    }

    private static func isForLocks(_ state: SQLState) -> Bool {
        switch state {
        case .lockNotAvailable, .transactionRollback: true
        default: false
        }
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
        if let statements = file.statements {
            for statement in statements { try connection.run(statement) }
            _ = try connection.execute(Migrator.recording, parameters)
        } else {
            try connection.run("BEGIN")
            try connection.run(file.sql)
            _ = try connection.execute(Migrator.recording, parameters)
            try connection.run("COMMIT")
        }
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
