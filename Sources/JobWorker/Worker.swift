internal import Glibc
internal import JobStorage
internal import Service

/// A worker process: fetches jobs, runs a handler for each, and writes how they ended.
///
/// A worker of one's own is a main program of three lines:
/// ```swift
/// import JobWorker
///
/// @main struct Main {
///     static func main() { Worker.run(Resize()) }
/// }
/// ```
public enum Worker {
    /// Runs a worker until it is told to stop (SIGTERM, SIGINT); then ends the process.
    ///
    /// Settings are read from the environment: `DATABASE_URL` and `REDIS_URL`, and `JOB_PREFETCH`, `JOB_CONCURRENCY`,
    /// `JOB_TIMEOUT`, `JOB_LEASE`, `JOB_MAX_LOSSES`, `JOB_SHUTDOWN_GRACE` and `LOG_LEVEL`, which have defaults, and
    /// `JOB_HEALTH_PATH`. The exit status is 0 where it stopped in order, 70 where it cannot go on (a handler does not stop, or
    /// programs cannot be started), and 78 where the settings are wrong.
    /// - Parameter handler: what to do for each job.
    public static func run(_ handler: some JobHandler) -> Never {
        run { _, _ in handler }
    }

    /// Runs `JOB_COMMAND`, or the demonstration handler where there is none.
    package static func runFromEnvironment() -> Never {
        run { settings, log in
            if let command = settings.command {
                try CommandHandler.probe(command: command)
                return try CommandHandler(command: command, concurrency: settings.concurrency)
            }
            log.notice("JOB_COMMAND is not set: running the demonstration handler, which only sleeps")
            return DemonstrationHandler()
        }
    }

    private static func run(_ makeHandler: (WorkerSettings, Log) throws -> any JobHandler) -> Never {
        Signals.block()
        var environment = Environment()
        let settings = WorkerSettings(&environment)
        let log = Log(label: "job-worker", level: settings.logLevel)
        environment.exitOnFault(log: log)
        do {
            exit(try run(settings, handler: try makeHandler(settings, log), log: log))
        } catch let failure as CommandFailure where failure.startError?.isShortage != true {
            log.critical("cannot start programs, so that every job would fail", ["error": "\(failure)"])
            exit(ExitCode.configuration)
        } catch {
            log.critical("cannot work", ["error": "\(error)"])
            exit(ExitCode.software)
        }
    }

    /// - Returns: the exit status.
    private static func run(_ settings: WorkerSettings, handler: any JobHandler, log: Log) throws -> Int32 {
        let (wakeup, shutdown, stop) = (try Wakeup(), try Wakeup(), try Wakeup())
        let held = HeldJobs(
            handler, concurrency: settings.concurrency, timeout: settings.timeout, wakeup: wakeup
        ) { error in
            if error.isShortage {
                log.warning("cannot start programs now; takes no jobs for a second", ["error": "\(error)"])
            } else {
                log.critical("cannot start programs; this worker ends", ["error": "\(error)"])
                shutdown.signal()
            }
        }
        let fallback = Fallback()
        let watch = LeaseWatch(lease: settings.lease)
        let health = try settings.healthPath.map { try Health(path: $0, lease: settings.lease, log: log) }
        try Signals.watchForShutdown { _ in shutdown.signal() }
        var threads = [
            try Thread.start(name: "heartbeat") {
                Heartbeat(settings: settings, held: held, watch: watch, health: health, stop: stop, log: log).run()
            },
            try Thread.start(name: "timekeeper") {
                Timekeeper(held: held, shutdown: shutdown, stop: stop, log: log).run()
            },
            try Thread.start(name: "reconciler") {
                let reconciler = Reconciler(
                    settings, watched: { watch.watched }, fallback: fallback, stop: stop, log: log)
                reconciler.run()
            },
        ]
        if let health { threads.append(try Thread.start(name: "health") { health.run(until: stop) }) }
        log.notice("working", ["prefetch": "\(settings.prefetch)", "concurrency": "\(settings.concurrency)"])
        var loop = WorkerLoop(
            settings, held: held, fallback: fallback, health: health, wakeup: wakeup, shutdown: shutdown, log: log)
        loop.run()
        stop.signal()
        for thread in threads { thread.join() }
        log.notice("stopped", ["held": "\(held.count)"])
        return held.isBroken ? ExitCode.software : ExitCode.success
    }
}
