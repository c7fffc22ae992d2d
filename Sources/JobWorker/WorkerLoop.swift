internal import Glibc
internal import JobStorage
internal import Jobs
internal import Postgres
internal import Redis
internal import Service

/// The worker's main loop: fetches messages, claims their jobs, and writes how they ended, each as a batch.
///
/// A message is acknowledged once its job is claimed: from then on the lease, not Redis, brings the job back when this
/// worker is lost.
struct WorkerLoop {
    /// How long Redis may hold a fetch back while there is nothing to fetch.
    static let fetchWait: Duration = .seconds(1)
    /// How long to wait for Redis otherwise.
    static let redisTimeout: Duration = .milliseconds(500)
    /// How often to look into PostgreSQL for jobs while Redis fails; also the pause after a failed statement.
    static let fallbackPause: Duration = .seconds(1)
    /// How often to look for claims whose answer was lost.
    static let recoverPause: Duration = .milliseconds(500)
    /// How long a row may be locked before it is passed over.
    static let lockTimeout: Duration = .milliseconds(250)
    /// Of how many looks into PostgreSQL for jobs one looks at everything.
    static let looksUntilFull = 60
    /// How long what has ended waits for more to write with it, as long as there is other work here.
    static let gatherPause: Duration = .milliseconds(5)

    let settings: WorkerSettings
    let held: HeldJobs
    let fallback: Fallback
    let health: Health?
    /// Signalled when a job has ended.
    let wakeup: Wakeup
    /// Signalled when the worker is to stop.
    let shutdown: Wakeup
    let log: Log
    private let store: JobStore
    private let stream: JobStream
    private var announcer: Announcer

    /// Fetched, and not claimed yet.
    private var messages: [Message] = []
    /// Done with, and not acknowledged yet.
    private var done: [StreamID] = []
    /// Ended, and not written yet.
    private var outcomes: [Outcome] = []
    /// Interrupted, and not handed back yet.
    private var interrupted: [Claim] = []
    /// Not to be written until `deferredAt`: somebody has locked the row, or PostgreSQL refuses the outcome. The others do not
    /// wait for them.
    private var deferred: [Outcome] = []
    private var deferredAt = Deadline.never
    /// When to look for claims whose answer was lost, where there are any.
    private var recoverAt = Deadline(after: .zero)
    /// Until when Redis has to answer the fetch that is under way.
    private var fetchDeadline: Deadline?
    private var fallbackAt = Deadline(after: .zero)
    private var looks = 0
    /// Until when nothing is asked of PostgreSQL, where that is not at once.
    private var pause: Deadline?
    private var redisOutage: Outage
    private var graceEnds: Deadline?
    /// When this worker ends even though jobs are still held.
    private var lastMoment: Deadline?
    private var fenced = 0

    init(
        _ settings: WorkerSettings, held: HeldJobs, fallback: Fallback, health: Health?, wakeup: Wakeup,
        shutdown: Wakeup, log: Log
    ) {
        self.settings = settings
        self.held = held
        self.fallback = fallback
        self.health = health
        self.wakeup = wakeup
        self.shutdown = shutdown
        self.log = log
        store = JobStore(
            Database(
                url: settings.databaseURL, name: "job-worker", timeout: .seconds(10),
                lockTimeout: WorkerLoop.lockTimeout))
        stream = JobStream(settings.redis, timeout: WorkerLoop.redisTimeout)
        // A stream of its own: on the other a fetch is under way most of the time, whose answer would come first.
        let announcements = JobStream(settings.redis, timeout: WorkerLoop.redisTimeout)
        announcer = Announcer(store: store, stream: announcements, log: log)
        redisOutage = Outage(log, away: "Redis is away; looking for jobs in PostgreSQL", back: "Redis is back")
    }

    /// Runs until it was told to shut down and holds no job, or may wait no longer.
    mutating func run() {
        while true {
            receive()
            if pause?.hasPassed != false {
                pause = nil
                takeEnded()
                if graceEnds == nil {
                    claimWaiting()
                    // Before the exchange, so that Redis works while PostgreSQL does.
                    fetch()
                }
                exchange()
            }
            if graceEnds != nil {
                acknowledgeRest()
                if isDrained { return }
            }
            wait()
        }
    }

    private var isDrained: Bool {
        if lastMoment?.hasPassed == true { return true }
        return held.count == 0 && fetchDeadline == nil && messages.isEmpty && !store.hasUnanswered
    }

    // MARK: - PostgreSQL

    private mutating func takeEnded() {
        for (claim, ending) in held.takeEnded() {
            switch ending {
            case .lost: held.settle([claim])
            case .interrupted: interrupted.append(claim)
            case .succeeded, .failed: if let outcome = ending.outcome(of: claim) { outcomes.append(outcome) }
            }
        }
    }

    /// Writes what has ended, and claims what was fetched. What can't be written now is kept, and its lease with it, until it
    /// can.
    private mutating func exchange() {
        if graceEnds != nil { returnFetched() }
        do throws(PostgresError) {
            try recoverClaims()
            try finishAndClaim()
            try handBack()
            if held.waitingCount >= settings.concurrency { pause = Deadline(after: WorkerLoop.gatherPause) }
        } catch {
            leaveAlone("PostgreSQL takes and gives no jobs", error)
        }
    }

    private mutating func leaveAlone(_ what: String, _ error: PostgresError) {
        log.warning(what, ["error": error.description])
        pause = Deadline(after: WorkerLoop.fallbackPause)
    }

    private mutating func finishAndClaim() throws(PostgresError) {
        resumeDeferred()
        guard !outcomes.isEmpty || !messages.isEmpty else { return }
        let exchange = try store.exchange(outcomes, for: messages.compactMap(\.jobID), lease: settings.lease)
        log.debug(
            "finished \(exchange.finished.count) of \(outcomes.count) jobs, "
                + "claimed \(exchange.claims.count) of \(messages.count)")
        take(exchange.claims)
        if !exchange.deferredOutcomes.isEmpty || !exchange.deferredJobs.isEmpty { putOff(exchange) }
        done.append(contentsOf: messages.map(\.streamID))
        messages.removeAll(keepingCapacity: true)
        held.settle(outcomes.map(\.claim))
        let unwritten = outcomes.filter { !exchange.finished.contains($0.claim) }
        outcomes.removeAll(keepingCapacity: true)
        if !unwritten.isEmpty { reportRejected(of: unwritten, try store.written(unwritten)) }
    }

    private mutating func resumeDeferred() {
        guard deferredAt.hasPassed else { return }
        outcomes += deferred
        deferred.removeAll()
        deferredAt = .never
    }

    /// Keeps the outcomes that are to be said again, and their leases with them. A message whose job could not be claimed is
    /// left as it is: not acknowledged, it is announced anew after a while.
    private mutating func putOff(_ exchange: Exchange) {
        deferred += outcomes.filter { exchange.deferredOutcomes.contains($0.claim) }
        outcomes.removeAll { exchange.deferredOutcomes.contains($0.claim) }
        messages.removeAll { $0.jobID.map(exchange.deferredJobs.contains) ?? false }
        if !deferred.isEmpty { deferredAt = Deadline(after: WorkerLoop.fallbackPause) }
        log.warning(
            "some jobs are tried again in a moment: their rows are locked, or PostgreSQL refuses how they ended",
            [
                "jobs": (exchange.deferredOutcomes.map(\.id) + exchange.deferredJobs).sorted()
                    .map(\.description).joined(separator: ","),
                "error": exchange.refusal?.description ?? "locked",
            ])
    }

    /// Claims whose answer was lost.
    private mutating func recoverClaims() throws(PostgresError) {
        guard store.hasUnanswered, recoverAt.hasPassed else { return }
        recoverAt = Deadline(after: WorkerLoop.recoverPause)
        let claims = try store.recover(lease: settings.lease)
        guard !claims.isEmpty else { return }
        log.notice("found \(claims.count) claims whose answer was lost")
        take(claims)
    }

    /// New claims are run; by a worker that shuts down they are handed back.
    private mutating func take(_ claims: [Claim]) {
        if graceEnds == nil { held.add(claims) } else { interrupted += claims }
    }

    private mutating func reportRejected(of outcomes: [Outcome], _ written: Set<Claim>) {
        let rejected = outcomes.filter { !written.contains($0.claim) }
        guard !rejected.isEmpty else { return }
        fenced += rejected.count
        log.warning(
            "outcomes of lost claims were rejected",
            ["jobs": rejected.map { $0.claim.id.description }.joined(separator: ","), "fenced": "\(fenced)"])
    }

    private mutating func handBack() throws(PostgresError) {
        guard !interrupted.isEmpty else { return }
        let (waiting, locked) = try store.release(interrupted, announcer: &announcer.id)
        log.notice("handed \(waiting.count) jobs back")
        held.settle(interrupted.filter { !locked.contains($0) })
        interrupted.removeAll { !locked.contains($0) }
        announcer.announce(waiting)
        if !locked.isEmpty { pause = Deadline(after: WorkerLoop.fallbackPause) }
    }

    // MARK: - Redis

    /// How many jobs may be fetched. What has ended is not held any more when these are claimed; but as many as `prefetch` at
    /// the most may wait for PostgreSQL to take how they ended.
    private var room: Int {
        guard held.takesJobs else { return 0 }
        return settings.prefetch - held.unfinishedCount - messages.count - max(0, deferred.count - settings.prefetch)
    }

    /// The most that is fetched at once: while one half is claimed and run, the other is fetched.
    private var fetchLimit: Int { (settings.prefetch + 1) / 2 }

    private mutating func fetch() {
        guard fetchDeadline == nil else { return }
        let room = room
        do throws(RedisError) {
            if room > 0 {
                health?.noteRoom()
                try stream.fetch(count: min(room, fetchLimit), wait: WorkerLoop.fetchWait, acknowledging: done)
                fetchDeadline = Deadline(after: WorkerLoop.fetchWait + WorkerLoop.redisTimeout)
            } else {
                health?.noteFull()
                try stream.acknowledge(done)
            }
            done.removeAll(keepingCapacity: true)
        } catch {
            fallBack(error)
        }
    }

    private mutating func receive() {
        guard let fetchDeadline else { return }
        do throws(RedisError) {
            if let fetched = try stream.fetched() {
                messages += fetched
                self.fetchDeadline = nil
                health?.noteFetch()
                redisOutage.ended()
            } else if fetchDeadline.hasPassed {
                throw RedisError.connection("no answer in time")
            }
        } catch {
            self.fetchDeadline = nil
            // A fetch that waits while the stream is deleted ends with the second.
            if ["NOGROUP", "UNBLOCKED"].contains(error.code) { makeGroup() } else { fallBack(error) }
        }
    }

    /// The group is gone, and the stream with it, or was never there. Other messages may be gone too: the reconciler looks.
    private mutating func makeGroup() {
        do throws(RedisError) {
            if try stream.makeGroup() { log.notice("made the stream and its group") }
        } catch {
            fallBack(error)
        }
    }

    private mutating func fallBack(_ error: RedisError) {
        // Not where it is away already: that would put off the next try for ever.
        if stream.isConnected { stream.disconnect() }
        redisOutage.began(error)
        fallback.extend()
    }

    /// What was announced to nobody is found in PostgreSQL.
    private mutating func claimWaiting() {
        guard fetchDeadline == nil, fallbackAt.hasPassed, fallback.isOn, held.takesJobs else { return }
        // What has ended is written later than these are claimed.
        let room = settings.prefetch - held.count - messages.count + min(deferred.count, settings.prefetch)
        guard room > 0 else { return }
        do throws(PostgresError) {
            looks += 1
            let claims = try store.claimWaiting(
                limit: room, lease: settings.lease, fromBeginning: looks % WorkerLoop.looksUntilFull == 0)
            health?.noteFetch()
            held.add(claims)
            // Without Redis, where there were enough there may be more.
            let mayBeMore = claims.count == room && !stream.isConnected
            if !mayBeMore { fallbackAt = Deadline(after: WorkerLoop.fallbackPause) }
        } catch {
            leaveAlone("PostgreSQL gives no jobs", error)
        }
    }

    /// What was fetched and not claimed goes to another worker.
    private mutating func returnFetched() {
        guard !messages.isEmpty else { return }
        do throws(RedisError) { try announcer.stream.announceAnew(messages) } catch {
            log.warning("fetched messages are announced later", ["error": error.description])
        }
        messages.removeAll()
    }

    // MARK: - Waiting

    /// Waits for whatever comes first: a job that ended, a message, the order to shut down, or the time to try again.
    private mutating func wait() {
        var deadline = min(pause ?? deferredAt, fetchDeadline ?? .never)
        if pause == nil && store.hasUnanswered { deadline = min(deadline, recoverAt) }
        if pause == nil && fetchDeadline == nil && graceEnds == nil && room > 0 { deadline = min(deadline, fallbackAt) }
        if let graceEnds { deadline = min(deadline, lastMoment ?? graceEnds) }
        var descriptors = [
            pollfd(fd: wakeup.fileDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: fetchDeadline == nil ? -1 : stream.fileDescriptor, events: Int16(POLLIN), revents: 0),
            // Readable from the order on.
            pollfd(fd: graceEnds == nil ? shutdown.fileDescriptor : -1, events: Int16(POLLIN), revents: 0),
        ]
        poll(&descriptors, nfds_t(descriptors.count), deadline.remainingMilliseconds)
        wakeup.drain()
        if descriptors[2].revents != 0 { beginShutdown() }
        if let graceEnds, graceEnds.hasPassed, lastMoment == nil { endGrace() }
    }

    private mutating func beginShutdown() {
        log.notice("shutting down", ["held": "\(held.count)"])
        graceEnds = Deadline(after: .seconds(settings.shutdownGrace))
        interrupted += held.takeWaiting()
    }

    /// When nothing is fetched any more, and a last fetch has been answered.
    private mutating func acknowledgeRest() {
        guard fetchDeadline == nil, !done.isEmpty else { return }
        // At the worst other workers see these messages again, and find their jobs taken.
        try? stream.acknowledge(done)
        done.removeAll()
    }

    private mutating func endGrace() {
        lastMoment = Deadline(after: HeldJobs.stopLimit + .seconds(1))
        guard held.count > 0 else { return }
        log.notice("stopping the jobs that still run", ["held": "\(held.count)"])
        held.stopAll()
    }
}
