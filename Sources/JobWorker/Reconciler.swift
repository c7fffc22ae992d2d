internal import JobStorage
internal import Jobs
internal import Postgres
internal import Redis
internal import Service

/// Brings back what was lost: jobs whose worker died, and jobs whose message is not in the stream.
///
/// Every worker has one; they take turns, so that the database is asked once and not once a worker. A turn is one worker's until
/// it ends it, or has not been heard of for `hold` seconds.
struct Reconciler {
    /// Between two turns, in seconds. With JOB_LEASE = 10 a dead worker's job waits again after at most 12.5 s.
    static let pause = 2.5
    /// A little less than the pause, so that a worker that comes back after it finds its turn due.
    static let due = pause * 0.9
    /// For how many seconds a turn is this worker's until it goes on to the next step.
    static let hold = 5.0
    /// How old a batch, or a fetched message, is when its announcer or its worker is taken for dead. In seconds.
    static let strandedAge = 5.0
    /// The most that is done in one statement.
    static let limit = 1000

    private let settings: WorkerSettings
    private let watched: @Sendable () -> JobStore.Watched?
    private let fallback: Fallback
    private let stop: Wakeup
    private let log: Log
    private let store: JobStore
    private let stream: JobStream
    private var announcer: Announcer
    private var redisOutage: Outage

    /// - Parameter watched: what the heartbeat knows of the database's clock.
    init(
        _ settings: WorkerSettings, watched: @escaping @Sendable () -> JobStore.Watched?, fallback: Fallback,
        stop: Wakeup, log: Log
    ) {
        self.settings = settings
        self.watched = watched
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
                if let turn = try store.takeTurn(hold: Reconciler.hold) { try take(turn) }
            } catch {
                log.warning("cannot reconcile", ["error": "\(error)"])
            }
        } while !stop.wait(until: Deadline(after: .seconds(Reconciler.pause)))
    }

    /// One turn. Its parts fail separately; what needs PostgreSQL alone comes first.
    mutating func take(_ turn: JobStore.Turn) throws(PostgresError) {
        let start = ContinuousClock.now
        var leasesLookedAt: Timestamp?
        do throws(PostgresError) {
            // Where the clock has just been set ahead, the watch does not know it yet: its time is the earlier one.
            leasesLookedAt = try expireLeases(since: turn.leasesSince).map { min($0, turn.start) }
        } catch {
            log.warning("leases that are over wait for the next turn", ["error": error.description])
        }
        try raiseWaitingFrom()
        guard try store.extend(turn, hold: Reconciler.hold, leasesLookedAt: leasesLookedAt) else { return }
        do {
            try announceWhatIsMissing(turn)
        } catch let error as RedisError {
            redisOutage.began(error)
            fallback.extend()
            try store.abandon(turn, pause: Reconciler.due)
        } catch {
            log.warning("cannot announce what is missing", ["error": "\(error)"])
            try store.abandon(turn, pause: Reconciler.due)
        }
        log.debug("reconciled", ["round": "\(turn.round)", "took": "\(start.duration(to: .now))"])
    }

    /// Compares the stream with PostgreSQL, as far as there is a reason to.
    private mutating func announceWhatIsMissing(_ turn: JobStore.Turn) throws {
        let condition = try stream.mark(round: turn.round)
        redisOutage.ended()
        // Before the audit, which sees these in the stream then: after an outage nothing is announced twice.
        let announced = try announceUnannounced(since: turn.outboxSince)
        if condition.runID != turn.redisRunID || condition.previousRound != turn.markedRound {
            guard try audit(turn) else { return }
        } else if condition.length == 0 && announced == 0 {
            // Nothing is announced. What has been waiting for a while must have been lost, however that came about.
            try announce(
                try store.waitingLong(age: Reconciler.strandedAge, limit: Reconciler.limit),
                because: "the stream is empty")
        }
        try announceStranded()
        // Should this turn have been cut short before, the next finds a mark that is not the remembered one, and looks at all.
        try store.finish(turn, redisRunID: condition.runID, pause: Reconciler.due)
    }

    private var isStopping: Bool { stop.wait(until: Deadline(after: .zero)) }

    /// Jobs of dead workers wait again, or are failed when that has happened too often.
    /// - Returns: the moment before which every lease has been dealt with; nil where nothing is known of it.
    private mutating func expireLeases(since: Timestamp) throws(PostgresError) -> Timestamp? {
        while !isStopping {
            guard let watched = watched() else { return nil }
            let expiry = try store.expire(
                watched: watched, lease: settings.lease, maxLosses: settings.maxLosses, since: since,
                limit: Reconciler.limit, announcer: &announcer.id)
            let (waiting, failed) = (expiry.waiting, expiry.failed)
            if !waiting.isEmpty { log.warning("\(waiting.count) jobs have lost their worker and wait again") }
            if !failed.isEmpty { log.error("\(failed.count) jobs have lost their worker too often and are failed") }
            announcer.announce(waiting)
            guard waiting.count + failed.count >= Reconciler.limit else {
                return expiry.left == 0 ? watched.now : nil
            }
        }
        return nil
    }

    /// For as long as it is quick: the rest is the next turn's.
    private func raiseWaitingFrom() throws(PostgresError) {
        let start = ContinuousClock.now
        var range: Int64 = 10_000
        while true {
            let began = ContinuousClock.now
            guard try store.raiseWaitingFrom(over: range) else { return }
            if began.duration(to: .now) < .milliseconds(2) { range *= 4 }
            if start.duration(to: .now) > .milliseconds(20) { return }
        }
    }

    /// Batches that were committed and not struck out: what of them still waits is announced.
    /// - Returns: how many jobs these were.
    private func announceUnannounced(since: Timestamp) throws -> Int {
        var count = 0
        while !isStopping {
            let batches = try store.unannounced(age: Reconciler.strandedAge, since: since, limit: 100)
            guard !batches.isEmpty else { break }
            let ids = batches.flatMap(\.ids)
            count += ids.count
            try announce(ids, because: "their announcer is gone, or had no Redis")
            try store.forget(batches)
        }
        return count
    }

    /// The stream is another one than at the last turn, or an older state of it: whatever waits and has no message in it is
    /// announced.
    /// - Returns: whether it is through: not where another worker has taken the turn, or this one stops.
    private mutating func audit(_ turn: JobStore.Turn) throws -> Bool {
        var last = JobID(rawValue: 0)
        while true {
            guard var missing = try Audit.page(of: store, after: last, goOn: goOn) else { return false }
            guard let end = missing.last else { return true }
            guard try missing.subtract(stream, goOn: goOn) else { return false }
            for chunk in missing.chunks(of: Reconciler.limit) {
                guard try goOn() else { return false }
                try announce(try store.stillWaiting(chunk), because: "the stream has lost them")
            }
            last = end
        }

        func goOn() throws(PostgresError) -> Bool {
            guard !isStopping else { return false }
            return try store.extend(turn, hold: Reconciler.hold)
        }
    }

    private func announceStranded() throws(RedisError) {
        while !isStopping {
            let stranded = try stream.announceStranded(
                age: .seconds(Reconciler.strandedAge), limit: Reconciler.limit)
            if !stranded.isEmpty { log.notice("announced \(stranded.count) jobs again: fetched and never claimed") }
            guard stranded.count >= Reconciler.limit else { return }
        }
    }

    private func announce(_ ids: [JobID], because reason: String) throws(RedisError) {
        guard !ids.isEmpty else { return }
        try stream.announce(ids)
        try stream.confirm()
        log.notice("announced \(ids.count) jobs again: \(reason)")
    }
}
