package import Postgres

extension JobStore {
    /// The oldest migration that this release can work with.
    package static let requiredMigration: Int32 = 8

    /// The newest migration that was applied; throws while there is none.
    package func migration() throws(PostgresError) -> Int32 {
        parameters.removeAll()
        return try database.execute(JobStore.readingMigration, parameters).int32(0, 0)
    }

    private static let readingMigration = Statement(
        "migration", "SELECT max(version)::integer FROM schema_migrations")
}
