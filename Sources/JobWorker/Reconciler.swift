internal import JobStorage
internal import Jobs
internal import Postgres
internal import Redis
internal import Service

/// Brings back what was lost: jobs whose worker died, and jobs whose message is not in the stream.
///
/// Every worker has one; they take turns, so that the database is asked once and not once a worker.
struct Reconciler {
    /// Between two turns. With JOB_LEASE = 10 a dead worker's job waits again after at most 12.5 s.
    static let pause = 2.5
    /// How old a batch, or a fetched message, is when its announcer or its worker is taken for dead. In seconds.
    static let strandedAge = 5.0
    /// The most that is done in one statement.
    static let limit = 1000

    private let settings: WorkerSettings
    private let fallback: Fallback
    private let stop: Wakeup
    private let log: Log
    private let store: JobStore
    private let stream: JobStream
    private var announcer: Announcer
    private var redisOutage: Outage

    init(_ settings: WorkerSettings, fallback: Fallback, stop: Wakeup, log: Log) {
        self.settings = settings
        self.fallback = fallback
        self.stop = stop
        self.log = log
        store = JobStore(Database(url: settings.databaseURL, name: "job-worker reconciler", timeout: .seconds(10)))
        stream = JobStream(settings.redis, timeout: .seconds(2))
        announcer = Announcer(store: store, stream: stream, log: log)
        redisOutage = Outage(log, away: "nothing can be announced", back: "it can be announced again")
    }

    mutating func run() {
        repeat {
            do {
                if let turn = try store.takeTurn(pause: Reconciler.pause * 0.9) { try take(turn) }
            } catch let error as RedisError {
                redisOutage.began(error)
                fallback.extend()
            } catch {
                log.warning("cannot reconcile", ["error": "\(error)"])
            }
        } while !stop.wait(until: Deadline(after: .seconds(Reconciler.pause)))
    }

    /// One turn. What needs PostgreSQL alone comes first: it is done without Redis too.
    mutating func take(_ turn: JobStore.Turn) throws {
        let start = ContinuousClock.now
        try expireLeases()
        let condition = try stream.mark(round: turn.round)
        redisOutage.ended()
        // Before the audit, which sees these in the stream then: after an outage nothing is announced twice.
        let announced = try announceUnannounced()
        if condition.runID != turn.redisRunID || condition.previousRound != turn.markedRound {
            try audit()
        } else if condition.length == 0 && announced == 0 {
            // Nothing is announced. What has been waiting for a while must have been lost, however that came about.
            let lost = try store.waiting(
                after: JobID(rawValue: 0), age: Reconciler.strandedAge, limit: Reconciler.limit)
            try announce(lost, because: "the stream is empty")
        }
        // Should this turn have been cut short before, the next finds a mark that is not the remembered one, and looks at all.
        try store.remember(redisRunID: condition.runID, round: turn.round)
        let stranded = try stream.announceStranded(
            age: .seconds(Reconciler.strandedAge), limit: Reconciler.limit)
        if !stranded.isEmpty { log.notice("announced \(stranded.count) jobs again: fetched and never claimed") }
        log.debug("reconciled", ["round": "\(turn.round)", "took": "\(start.duration(to: .now))"])
    }

    /// Jobs of dead workers wait again, or are failed when that has happened too often.
    private mutating func expireLeases() throws(PostgresError) {
        while true {
            let (waiting, failed) = try store.expire(
                lease: settings.lease, maxAttempts: settings.maxLosses, limit: Reconciler.limit,
                announcer: &announcer.id)
            if !waiting.isEmpty { log.warning("\(waiting.count) jobs have lost their worker and wait again") }
            if !failed.isEmpty { log.error("\(failed.count) jobs have lost their worker too often and are failed") }
            announcer.announce(waiting)
            guard waiting.count + failed.count == Reconciler.limit else { return }
        }
    }

    /// Batches that were committed and not struck out: what of them still waits is announced.
    /// - Returns: how many jobs these were.
    private func announceUnannounced() throws -> Int {
        var count = 0
        while true {
            let batches = try store.unannounced(age: Reconciler.strandedAge, limit: 100)
            guard !batches.isEmpty else { return count }
            let ids = batches.flatMap(\.ids)
            count += ids.count
            try announce(ids, because: "their announcer is gone, or had no Redis")
            try store.forget(batches)
        }
    }

    /// The stream is another one than at the last turn, or an older state of it: whatever waits and has no message in it is
    /// announced.
    private mutating func audit() throws {
        var last = JobID(rawValue: 0)
        while true {
            var missing = try Audit.page(of: store, after: last)
            guard let end = missing.last else { break }
            try missing.subtract(stream)
            for chunk in missing.chunks(of: Reconciler.limit) {
                try announce(try store.stillWaiting(chunk), because: "the stream has lost them")
            }
            last = end
        }
    }

    private func announce(_ ids: [JobID], because reason: String) throws(RedisError) {
        guard !ids.isEmpty else { return }
        try stream.announce(ids)
        try stream.confirm()
        log.notice("announced \(ids.count) jobs again: \(reason)")
    }
}
