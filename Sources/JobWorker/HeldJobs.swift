internal import Jobs
internal import Service
internal import Synchronization

/// The jobs that this worker has claimed and whose end it has not written yet. All of its threads meet here.
///
/// A job waits for a free slot, runs, and has ended; it is held until `settled`.
final class HeldJobs: Sendable {
    /// How long after being told to stop a handler may still take; one that takes longer can only be stopped with its
    /// process.
    static let stopLimit: Duration = .seconds(5)

    struct Running {
        let deadline: Deadline
        var task: Task<Void, Never>?
        var stop: StopReason?
        /// When it is clear that it does not stop.
        var stuckAt = Deadline.never
    }

    /// How long a worker that was short of something to start a program starts and takes no job.
    static let shortagePause: Duration = .seconds(1)

    /// Whether jobs are started.
    private enum Starting { case allowed, paused, over }

    private struct State {
        var starting = Starting.allowed
        /// Whether a handler did not stop when it was told to.
        var wasStuck = false
        var waiting: [Claim] = []
        /// Where the waiting begin in `waiting`: what is before has been started.
        var firstWaiting = 0
        var running: [Claim: Running] = [:]
        var ended: [(claim: Claim, ending: Ending)] = []
        /// Taken by `takeEnded`, and not `settled`.
        var settling: [Claim] = []

        var waitingCount: Int { waiting.count - firstWaiting }
        var unfinishedCount: Int { waitingCount + running.count + ended.count }
    }

    private let state = Mutex(State())
    private let handler: any JobHandler
    private let concurrency: Int
    private let timeout: Int
    private let wakeup: Wakeup
    private let cannotStart: @Sendable (SystemError) -> Void

    /// - Parameters:
    ///   - wakeup: is signalled when a job has ended, and when jobs may be taken again.
    ///   - cannotStart: is called when programs cannot be started: once a pause, or once for good.
    init(
        _ handler: any JobHandler, concurrency: Int, timeout: Int, wakeup: Wakeup,
        cannotStart: @escaping @Sendable (SystemError) -> Void = { _ in }
    ) {
        self.handler = handler
        self.concurrency = concurrency
        self.timeout = timeout
        self.wakeup = wakeup
        self.cannotStart = cannotStart
    }

    /// Whether jobs may be taken: not while programs cannot be started.
    var takesJobs: Bool { state.withLock { $0.starting == .allowed } }

    /// Whether this worker has to be replaced by another: a handler was stuck, or programs cannot be started at all.
    var isBroken: Bool { state.withLock { $0.wasStuck || $0.starting == .over } }

    var count: Int {
        state.withLock { $0.unfinishedCount + $0.settling.count }
    }

    /// How many wait for a free slot.
    var waitingCount: Int { state.withLock { $0.waitingCount } }

    /// How many have not been taken as ended.
    var unfinishedCount: Int { state.withLock { $0.unfinishedCount } }

    /// Every claim that needs its lease.
    var claims: [Claim] {
        state.withLock { $0.waiting[$0.firstWaiting...] + Array($0.running.keys) + $0.ended.map(\.claim) + $0.settling }
    }

    func add(_ claims: [Claim]) {
        state.withLock { state in
            state.waiting.append(contentsOf: claims)
            startWaiting(&state)
        }
    }

    private func startWaiting(_ state: inout State) {
        guard state.starting == .allowed else { return }
        while state.running.count < concurrency && state.firstWaiting < state.waiting.count {
            let claim = state.waiting[state.firstWaiting]
            state.firstWaiting += 1
            state.running[claim] = Running(deadline: Deadline(after: .seconds(timeout)))
            state.running[claim]?.task = Task { await run(claim) }
        }
        if state.firstWaiting == state.waiting.count {
            state.waiting.removeAll(keepingCapacity: true)
            state.firstWaiting = 0
        }
    }

    private func run(_ claim: Claim) async {
        do {
            try await handler.run(Job(id: claim.id.rawValue, objectID: claim.objectID.rawValue, attempt: claim.attempt))
            end(claim, failure: nil)
        } catch {
            let startError = (error as? CommandFailure)?.startError
            // First, so that no other job is started in its place.
            if let startError { stopStarting(startError) }
            end(claim, failure: String(describing: error), stop: startError == nil ? nil : .shutdown)
        }
    }

    /// A program could not be started: neither can the next. After a shortage that is tried again, after anything else never.
    private func stopStarting(_ error: SystemError) {
        let next = error.isShortage ? Starting.paused : .over
        let isNews = state.withLock { state in
            guard state.starting == .allowed || (state.starting == .paused && next == .over) else { return false }
            state.starting = next
            return true
        }
        guard isNews else { return }
        cannotStart(error)
        guard next == .paused else { return }
        // Not a part of the job's task, which may be cancelled.
        Task {
            try? await Task.sleep(for: HeldJobs.shortagePause)
            startAgain()
        }
    }

    private func startAgain() {
        state.withLock { state in
            guard state.starting == .paused else { return }
            state.starting = .allowed
            startWaiting(&state)
        }
        wakeup.signal()
    }

    /// - Parameter stop: why it ended, where nobody told it to.
    private func end(_ claim: Claim, failure: String?, stop: StopReason? = nil) {
        let wakes = state.withLock { state in
            // One that was given up as stuck may still come to an end.
            guard let running = state.running.removeValue(forKey: claim) else { return false }
            state.ended.append((claim, Ending(failure: failure, stop: running.stop ?? stop, timeout: timeout)))
            startWaiting(&state)
            return state.ended.count == 1
        }
        if wakes { wakeup.signal() }
    }

    /// What has ended, to be written. Each of the claims stays held until it is `settled`.
    func takeEnded() -> [(claim: Claim, ending: Ending)] {
        state.withLock { state in
            defer { state.ended.removeAll(keepingCapacity: true) }
            state.settling.append(contentsOf: state.ended.map(\.claim))
            return state.ended
        }
    }

    /// These are no longer held.
    func settle(_ claims: [Claim]) {
        let claims = Set(claims)
        state.withLock { $0.settling.removeAll { claims.contains($0) } }
    }

    /// Those that wait for a slot; they have to be `settled`.
    func takeWaiting() -> [Claim] {
        state.withLock { state in
            let claims = Array(state.waiting[state.firstWaiting...])
            state.waiting.removeAll()
            state.firstWaiting = 0
            state.settling.append(contentsOf: claims)
            return claims
        }
    }

    /// Stops those of the claims that wait or run: the jobs are no longer this worker's.
    /// - Returns: how many there were.
    func lose(_ claims: Set<Claim>) -> Int {
        state.withLock { state in
            let waiting = state.waiting[state.firstWaiting...]
            let kept = waiting.filter { !claims.contains($0) }
            let lost = waiting.count - kept.count
            state.waiting = kept
            state.firstWaiting = 0
            return lost + stop(claims, for: .lostClaim, &state)
        }
    }

    /// Tells every running job to stop, for a shutdown.
    func stopAll() {
        state.withLock { _ = stop(Set($0.running.keys), for: .shutdown, &$0) }
    }

    private func stop(_ claims: Set<Claim>, for reason: StopReason, _ state: inout State) -> Int {
        var stopped = 0
        for claim in claims {
            guard var running = state.running[claim] else { continue }
            stopped += 1
            guard running.stop == nil else { continue }
            running.stop = reason
            running.stuckAt = Deadline(after: HeldJobs.stopLimit)
            running.task?.cancel()
            state.running[claim] = running
        }
        return stopped
    }

    /// Tells the jobs whose time is over to stop, and gives those up that were told so and do not.
    /// - Returns: the jobs that were given up, and when to come again.
    func enforceDeadlines() -> (stuck: [Claim], next: Deadline) {
        let (stuck, next) = state.withLock { state in
            let now = Deadline(after: .zero)
            let late = state.running.filter { $0.value.deadline <= now && $0.value.stop == nil }
            _ = stop(Set(late.keys), for: .timeout, &state)
            let stuck = state.running.filter { $0.value.stuckAt <= now }
            state.wasStuck = state.wasStuck || !stuck.isEmpty
            for (claim, running) in stuck {
                state.running[claim] = nil
                state.ended.append((claim, Ending(failure: "stopped", stop: running.stop, timeout: timeout)))
            }
            let next = state.running.values.map { $0.stop == nil ? $0.deadline : $0.stuckAt }.min()
            return (Array(stuck.keys), next)
        }
        if !stuck.isEmpty { wakeup.signal() }
        // A job that starts later ends later than this.
        let latest = Deadline(after: min(.seconds(timeout), HeldJobs.stopLimit))
        return (stuck, min(next ?? latest, latest))
    }
}
