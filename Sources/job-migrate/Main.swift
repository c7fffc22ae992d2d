internal import Glibc
internal import JobStorage
internal import Service

/// Applies `db/migrations` (JOB_MIGRATIONS) to the database at DATABASE_URL.
@main
enum Main {
    static func main() {
        Signals.block()
        var environment = Environment()
        let url = environment.required("DATABASE_URL")
        let directory = environment.string("JOB_MIGRATIONS") ?? "db/migrations"
        let log = Log(label: "job-migrate", level: environment.choice("LOG_LEVEL", default: .info))
        environment.exitOnFault(log: log)
        do {
            let files = try MigrationFile.all(in: directory)
            var applied = 0
            try Migrator(files, grants: try MigrationFile.grants(in: directory), url: url).run { file in
                applied += 1
                log.notice("applied \(file.name)")
            }
            log.notice("the schema is up to date", ["migration": "\(files.count)", "applied": "\(applied)"])
        } catch {
            log.critical("the schema was not migrated", ["error": "\(error)"])
            exit(ExitCode.software)
        }
    }
}
