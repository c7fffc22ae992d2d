internal import Glibc
internal import JobStorage
internal import Postgres
internal import Service

/// Applies `db/migrations` (JOB_MIGRATIONS) to the database at DATABASE_URL.
@main
enum Main {
    static func main() {
        Signals.block()
        var environment = Environment()
        let url = environment.databaseURL("DATABASE_URL")
        let directory = environment.string("JOB_MIGRATIONS") ?? "db/migrations"
        let log = Log(label: "job-migrate", level: environment.choice("LOG_LEVEL", default: .info))
        environment.exitOnFault(log: log)
        do {
            let files = try MigrationFile.all(in: directory)
            var applied = 0
            try Migrator(files, grants: try MigrationFile.grants(in: directory), url: url).run { event in
                if case .applied = event { applied += 1 }
                report(event, to: log)
            }
            log.notice("the schema is up to date", ["migration": "\(files.count)", "applied": "\(applied)"])
        } catch {
            log.critical("the schema was not migrated", ["error": "\(error)"])
            exit(ExitCode.software)
        }
    }

    private static func report(_ event: Migrator.Event, to log: Log) {
        switch event {
        case .applied(let file): log.notice("applied \(file.name)")
        case .waitsForMigrator: log.notice("another job-migrate is at work: waiting until it is done")
        case .waitsForLock(let file):
            log.warning(
                "\(file) waits for a lock on a table: a long transaction holds it (the oldest xact_start in pg_stat_activity)",
                ["tried_for": "\(Migrator.lockPatience)"])
        }
    }
}
