package import JobStorage
package import Postgres
internal import Foundation
internal import Glibc
internal import Synchronization

/// A migrated database and a Redis database of a test's own, so that tests run side by side on one server.
package struct Scratch: Sendable {
    package let databaseURL: String
    package let redis: RedisAddress

    private static let used = Mutex(0)

    /// - Parameter migrated: false leaves the database empty.
    package init(migrated: Bool = true) throws {
        let servers = try Servers.shared.get()
        let number = Scratch.used.withLock { used in
            used += 1
            return used
        }
        redis = RedisAddress(host: "127.0.0.1", port: servers.redisPort, password: nil, database: number)
        databaseURL = servers.url(database: "scratch_\(number)")
        let connection = try Connection(url: servers.url(database: "postgres"), name: "tests", timeout: .seconds(30))
        try connection.run("CREATE DATABASE scratch_\(number)")
        if migrated { try Migrator(Scratch.migrations(), url: databaseURL).run { _ in } }
    }

    /// The folder of the package.
    package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    package static func migrations() throws -> [MigrationFile] { try MigrationFile.all(in: "\(root)/db/migrations") }

    /// A store on a connection of its own, for one thread.
    package func store() -> JobStore { JobStore(Database(url: databaseURL, name: "tests", timeout: .seconds(20))) }

    package func stream() -> JobStream { JobStream(redis, timeout: .seconds(5)) }

    package func connection() throws -> Connection {
        try Connection(url: databaseURL, name: "tests", timeout: .seconds(20))
    }

    /// Runs SQL and gives its first column as text.
    @discardableResult
    package func sql(_ text: String) throws -> [String] {
        let rows = try connection().run(text)
        return (0..<rows.count).map { rows.text($0, 0) ?? "" }
    }

    /// Runs a command in this Redis database.
    package func redis(_ command: String...) throws {
        try Shell.checkBlocking(["redis-cli", "-p", "\(redis.port)", "-n", "\(redis.database)"] + command)
    }
}
