internal import JobStorage
internal import Jobs
internal import Postgres
internal import Redis
internal import Service

/// Brings back what was lost: jobs whose worker died, and jobs whose message is not in the stream.
///
/// Every worker has one; they take turns, so that the database is asked once and not once a worker. A turn is one worker's until
/// it ends it, or has not been heard of for `hold` seconds.
final class Reconciler {
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
    /// How long a turn looks for the first job that waits.
    static let raiseLimit: Duration = .milliseconds(20)

    private let settings: WorkerSettings
    private let watched: @Sendable () -> JobStore.Watched?
    private let fallback: Fallback
    private let stop: Wakeup
    private let log: Log
    private let store: JobStore
    private let stream: JobStream
    private var announcer: Announcer
    private var redisOutage: Outage
    /// The connection of the last turn that got through. A process's first connection is no reason for an audit.
    private var generation = 1
    private var hasAudited = false
    /// In this turn: a job for which there are several reasons is announced once.
    private var announced: Set<JobID> = []
    /// When leases are to be looked at, in a turn that lasts.
    private var expireAt = Deadline(after: .zero)

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

    func run() {
        repeat {
            do {
                if let turn = try store.takeTurn(hold: Reconciler.hold, lease: settings.lease) { try take(turn) }
            } catch {
                log.warning("cannot reconcile", ["error": "\(error)"])
            }
        } while !stop.wait(until: Deadline(after: .seconds(Reconciler.pause)))
    }

    /// One turn. Its parts fail separately; what needs PostgreSQL alone comes first.
    func take(_ turn: JobStore.Turn) throws(PostgresError) {
        let start = ContinuousClock.now
        let current = store.generation
        hasAudited = false
        announced.removeAll()
        var leasesLookedAt: Timestamp?
        _ = attempt("to end leases that are over") {
            // Where the clock has just been set ahead, the watch does not know it yet: its time is the earlier one.
            leasesLookedAt = try expireLeases(turn).map { min($0, turn.start) }
        }
        _ = attempt("to find the first job that waits") { try raiseWaitingFrom() }
        guard try store.extend(turn, hold: Reconciler.hold, leasesLookedAt: leasesLookedAt) else { return }
        var condition: JobStream.Condition?
        _ = attempt("to ask Redis") { condition = try stream.mark(round: turn.round) }
        let isThrough = attempt("to announce what was fetched and not claimed") {
            if condition != nil { try announceStranded(turn) }
        }
        let isWhole = attempt("to announce what is missing") {
            if let condition { try announceMissing(turn, condition) }
        }
        if isThrough && isWhole, let condition {
            // Should a turn have been cut short, the next finds a mark that is not the remembered one, and looks at all.
            try store.finish(turn, redisRunID: condition.runID, audited: hasAudited, pause: Reconciler.due)
            generation = max(generation, current)
        } else {
            try store.abandon(turn, pause: Reconciler.due)
        }
        log.debug("reconciled", ["round": "\(turn.round)", "took": "\(start.duration(to: .now))"])
    }

    /// Runs a part of a turn.
    /// - Returns: false where it failed, or was not to be gone on with.
    private func attempt(_ what: String, _ part: () throws -> Void) -> Bool {
        do {
            try part()
            return true
        } catch is Cut {
            return false
        } catch let error as RedisError {
            redisOutage.began(error)
            fallback.extend()
        } catch {
            log.warning("failed \(what)", ["error": "\(error)"])
        }
        return false
    }

    /// The turn is another worker's by now, or this one stops.
    private struct Cut: Error {}

    /// Goes on with a turn that lasts. Leases do not wait for its end.
    private func goOn(_ turn: JobStore.Turn) throws {
        guard !stop.wait(until: Deadline(after: .zero)), try store.extend(turn, hold: Reconciler.hold) else {
            throw Cut()
        }
        if expireAt.hasPassed { _ = try expireLeases(turn) }
    }

    /// Jobs of dead workers wait again, or are failed when that has happened too often.
    /// - Returns: the moment before which every lease has been dealt with; nil where nothing is known of it.
    private func expireLeases(_ turn: JobStore.Turn) throws -> Timestamp? {
        expireAt = Deadline(after: .seconds(Reconciler.pause))
        while let watched = watched() {
            let expiry = try store.expire(
                watched: watched, lease: settings.lease, maxLosses: settings.maxLosses, since: turn.leasesSince,
                limit: Reconciler.limit, announcer: &announcer.id)
            let (waiting, failed) = (expiry.waiting, expiry.failed)
            if !waiting.isEmpty { log.warning("\(waiting.count) jobs have lost their worker and wait again") }
            if !failed.isEmpty { log.error("\(failed.count) jobs have lost their worker too often and are failed") }
            announcer.announce(waiting)
            guard waiting.count + failed.count >= Reconciler.limit else { return expiry.left == 0 ? watched.now : nil }
            try goOn(turn)
        }
        return nil
    }

    /// For as long as it is quick: the rest is the next turn's.
    private func raiseWaitingFrom() throws(PostgresError) {
        let start = ContinuousClock.now
        var range: Int64 = 10_000
        while start.duration(to: .now) < Reconciler.raiseLimit {
            let began = ContinuousClock.now
            guard try store.raiseWaitingFrom(over: range) else { return }
            if began.duration(to: .now) < Reconciler.raiseLimit / 10 { range *= 4 }
        }
    }

    /// Announces the jobs that wait and have no message in the stream, as far as there is a reason to look for some.
    private func announceMissing(_ turn: JobStore.Turn, _ condition: JobStream.Condition) throws {
        redisOutage.ended()
        // Before the audit, which sees these in the stream then: after an outage nothing is announced twice.
        let announced = try announceUnannounced(turn)
        if condition.runID != turn.redisRunID || condition.previousRound != turn.markedRound
            || store.isUnaudited(turn, since: generation)
        {
            try audit(turn)
            hasAudited = true
        } else if condition.length == 0 && announced == 0 {
            // Nothing is announced. What has been waiting for a while must have been lost, however that came about.
            let lost = try store.waitingLong(
                age: Reconciler.strandedAge, limit: Reconciler.limit, fromBeginning: turn.isFull)
            try announce(lost, because: "the stream is empty")
        }
    }

    /// Batches that were committed and not struck out: what of them still waits is announced.
    /// - Returns: how many jobs these were.
    private func announceUnannounced(_ turn: JobStore.Turn) throws -> Int {
        var count = 0
        while true {
            let batches = try store.unannounced(age: Reconciler.strandedAge, since: turn.outboxSince, limit: 100)
            guard !batches.isEmpty else { return count }
            let ids = batches.flatMap(\.ids)
            count += ids.count
            try announce(ids, because: "their announcer is gone, or had no Redis")
            try store.forget(batches)
            try goOn(turn)
        }
    }

    /// The stream, or the database, is another one than at the last turn, or an older state of it: whatever waits and has no
    /// message is announced.
    private func audit(_ turn: JobStore.Turn) throws {
        var last = JobID(rawValue: 0)
        while true {
            var missing = try Audit.page(of: store, after: last) { try goOn(turn) }
            guard let end = missing.last else { return }
            try missing.subtract(stream) { try goOn(turn) }
            for chunk in missing.chunks(of: Reconciler.limit) {
                try goOn(turn)
                try announce(try store.stillWaiting(chunk), because: "the stream has lost them")
            }
            last = end
        }
    }

    private func announceStranded(_ turn: JobStore.Turn) throws {
        while true {
            let stranded = try stream.announceStranded(
                age: .seconds(Reconciler.strandedAge), limit: Reconciler.limit)
            announced.formUnion(stranded)
            if !stranded.isEmpty { log.notice("announced \(stranded.count) jobs again: fetched and never claimed") }
            guard stranded.count >= Reconciler.limit else { return }
            try goOn(turn)
        }
    }

    private func announce(_ waiting: [JobID], because reason: String) throws(RedisError) {
        let ids = waiting.filter { !announced.contains($0) }
        guard !ids.isEmpty else { return }
        if announced.count < Audit.limit { announced.formUnion(ids) }
        try stream.announce(ids)
        try stream.confirm()
        log.notice("announced \(ids.count) jobs again: \(reason)")
    }
}
