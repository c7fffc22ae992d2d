import Glibc
import Service

/// What is executed for each job: the C strings of `/bin/sh -c command` and of an environment.
final class CommandProgram: @unchecked Sendable {  // The strings are written in init and freed in deinit.
    static let shell = "/bin/sh"

    /// Secrets, and the files that hold them: the service's own, and those that libpq and redis-cli read. What a job runs has
    /// no need of them, and tends to print its environment.
    static let withheld: Set = [
        "API_TOKENS", "API_TOKENS_FILE", "DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE",
        "PGPASSFILE", "PGPASSWORD", "PGSERVICE", "PGSERVICEFILE", "PGSSLKEY", "PGSSLPASSWORD", "PGSYSCONFDIR",
        "REDISCLI_AUTH",
    ]

    private static let perJob: Set = ["JOB_ID", "JOB_OBJECT_ID", "JOB_ATTEMPT"]

    private let arguments: [UnsafeMutablePointer<CChar>?]
    private let inherited: [UnsafeMutablePointer<CChar>?]

    /// Takes this process's environment as it is now.
    ///
    /// - Parameter isProbe: does nothing instead, with arguments that are as long.
    init(command: String, isProbe: Bool = false) {
        let words = isProbe ? [Self.shell, "-c", ":", command] : [Self.shell, "-c", command]
        arguments = words.map { strdup($0) } + [nil]
        inherited = Self.environment().filter { entry in
            let name = String(String(cString: entry).prefix { $0 != "=" })
            return !Self.withheld.contains(name) && !Self.perJob.contains(name)
        }.map { strdup($0) }
    }

    deinit { for string in arguments + inherited { free(string) } }

    /// Calls `body` with the argument vector and the environment of one job's run.
    func withVectors<Result: ~Copyable>(
        for job: Job,
        _ body: (
            _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>,
            _ environment: UnsafePointer<UnsafeMutablePointer<CChar>?>
        ) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        let entries: [String] = ["JOB_ID=\(job.id)", "JOB_OBJECT_ID=\(job.objectID)", "JOB_ATTEMPT=\(job.attempt)"]
        let own = entries.map { strdup($0) }
        defer { for string in own { free(string) } }
        return try body(arguments, inherited + own + [nil])
    }

    /// Pointers rather than strings: a value may be anything but UTF-8.
    private static func environment() -> [UnsafeMutablePointer<CChar>] {
        var entries: [UnsafeMutablePointer<CChar>] = []
        // Imported as never null, which it is after clearenv(3).
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
        while let entry = next?.pointee {
            entries.append(entry)
            next = next?.advanced(by: 1)
        }
        return entries
    }
}
