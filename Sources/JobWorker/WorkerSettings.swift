internal import JobStorage
internal import Postgres
internal import Service

/// How a worker is set up. Durations are in seconds.
struct WorkerSettings: Sendable {
    let databaseURL: String
    let redis: RedisAddress
    /// JOB_PREFETCH: the most jobs held at a time.
    let prefetch: Int
    /// JOB_CONCURRENCY: how many of them run at once.
    let concurrency: Int
    /// JOB_TIMEOUT: how long a job may run.
    let timeout: Int
    /// JOB_LEASE: how long a claim holds without a heartbeat.
    let lease: Int
    /// JOB_MAX_LOSSES: how often a job may lose its worker.
    let maxLosses: Int
    /// JOB_SHUTDOWN_GRACE: how long running jobs may go on after SIGTERM.
    let shutdownGrace: Int
    /// JOB_COMMAND: what to run for each job, where no Swift handler is given.
    let command: String?
    /// JOB_HEALTH_PATH: the file that tells a healthcheck how this worker is.
    let healthPath: String?
    let logLevel: LogLevel

    init(_ environment: inout Environment) {
        databaseURL = environment.databaseURL("DATABASE_URL")
        let redis = environment.redisURL("REDIS_URL")
        self.redis = RedisAddress(
            host: redis.host, port: UInt16(clamping: redis.port), password: redis.password, database: redis.database)
        prefetch = environment.integer("JOB_PREFETCH", default: 10, in: 1...10_000)
        concurrency = environment.integer("JOB_CONCURRENCY", default: prefetch, in: 1...10_000)
        timeout = environment.integer("JOB_TIMEOUT", default: 30, in: 1...604_800)
        lease = environment.integer("JOB_LEASE", default: 10, in: 1...3600)
        maxLosses = environment.integer("JOB_MAX_LOSSES", default: 5, in: 1...1_000_000, formerly: "JOB_MAX_ATTEMPTS")
        shutdownGrace = environment.integer("JOB_SHUTDOWN_GRACE", default: 30, in: 0...604_800)
        command = environment.string("JOB_COMMAND")
        if command?.allSatisfy(\.isWhitespace) == true {
            environment.fault("JOB_COMMAND is blank: every job would succeed without anything being done")
        }
        healthPath = environment.string("JOB_HEALTH_PATH")
        logLevel = environment.choice("LOG_LEVEL", default: .info)
    }
}
