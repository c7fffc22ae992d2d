import Glibc
import Jobs
import Service
import Synchronization
import TestSupport
import Testing

@testable import JobWorker

@Suite(.timeLimit(.minutes(1))) struct HeldJobsTests {
    /// Runs until it is let go, or cancelled.
    final class Gate: JobHandler {
        private let open = Mutex<Set<Int64>>([])
        let started = Mutex<[Int64]>([])
        let ignoresCancellation: Bool

        init(ignoresCancellation: Bool = false) { self.ignoresCancellation = ignoresCancellation }

        func letGo(_ ids: Int64...) { open.withLock { $0.formUnion(ids) } }

        func run(_ job: Job) async throws {
            started.withLock { $0.append(job.id) }
            while !open.withLock({ $0.contains(job.id) }) {
                if !ignoresCancellation { try Task.checkCancellation() }
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    func claims(_ ids: ClosedRange<Int64>) -> [Claim] {
        ids.map { Claim(id: JobID(rawValue: $0), objectID: ObjectID(rawValue: 1), attempt: 1, token: 7) }
    }

    /// Cannot be started for this reason, until it is cured.
    final class Broken: JobHandler {
        let started = Mutex<[Int64]>([])
        let isCured = Mutex(false)
        let reports = Mutex<[SystemError]>([])
        private let error: SystemError

        init(_ code: Int32) { error = SystemError(call: "/bin/sh", code: code) }

        func run(_ job: Job) async throws {
            started.withLock { $0.append(job.id) }
            if isCured.withLock({ !$0 }) { throw CommandFailure(.notStarted(error)) }
        }
    }

    func held(
        _ handler: any JobHandler, concurrency: Int = 2, timeout: Int = 30,
        cannotStart: @escaping @Sendable (SystemError) -> Void = { _ in }
    ) throws -> (HeldJobs, Wakeup) {
        let wakeup = try Wakeup()
        let held = HeldJobs(
            handler, concurrency: concurrency, timeout: timeout, wakeup: wakeup, cannotStart: cannotStart)
        return (held, wakeup)
    }

    @Test func runsAsManyAtOnceAsItMay() async throws {
        let gate = Gate()
        let (held, _) = try held(gate)
        held.add(claims(1...4))
        try await eventually { gate.started.withLock { $0.sorted() } == [1, 2] }
        #expect(held.count == 4)
        gate.letGo(1)
        try await eventually { gate.started.withLock { $0.sorted() } == [1, 2, 3] }
        #expect(held.count == 4, "a job is held until its end is written")
        let ended = held.takeEnded()
        #expect(ended.map(\.claim.id.rawValue) == [1])
        #expect(held.count == 4)
        held.settle(ended.map(\.claim))
        #expect(held.count == 3)
        #expect(Set(held.claims.map(\.id.rawValue)) == [2, 3, 4])
        gate.letGo(2, 3, 4)
        try await eventually { gate.started.withLock { $0.count } == 4 }
    }

    @Test func wakesTheLoopForTheFirstThatEnds() async throws {
        let gate = Gate()
        let (held, wakeup) = try held(gate)
        held.add(claims(1...2))
        #expect(!wakeup.drain())
        gate.letGo(1, 2)
        #expect(wakeup.wait(until: Deadline(after: .seconds(10))))
        #expect(!held.takeEnded().isEmpty)
    }

    @Test func stopsWhatExceedsItsTime() async throws {
        let (held, _) = try held(Gate(), timeout: 1)
        held.add(claims(1...1))
        var ended: [(claim: Claim, ending: Ending)] = []
        try await eventually {
            #expect(held.enforceDeadlines().stuck.isEmpty)
            ended += held.takeEnded()
            return !ended.isEmpty
        }
        #expect(ended.map(\.ending) == [.failed(message: "job exceeded the timeout of 1 s")])
    }

    @Test func givesUpAHandlerThatDoesNotStop() async throws {
        let gate = Gate(ignoresCancellation: true)
        let (held, _) = try held(gate, timeout: 1)
        held.add(claims(1...1))
        var stuck: [Claim] = []
        try await eventually(within: .seconds(20)) {
            stuck += held.enforceDeadlines().stuck
            return !stuck.isEmpty
        }
        #expect(held.takeEnded().map(\.ending) == [.failed(message: "job exceeded the timeout of 1 s")])
        #expect(held.isBroken)
        gate.letGo(1)
    }

    @Test(arguments: [EAGAIN, EMFILE, ENFILE, ENOMEM])
    func `a shortage hands the job back, and no job is started or taken for a second`(code: Int32) async throws {
        let handler = Broken(code)
        let (held, wakeup) = try held(handler, concurrency: 1) { error in handler.reports.withLock { $0.append(error) }
        }
        let began = ContinuousClock.now
        held.add(claims(1...2))
        try await eventually { !held.takesJobs }
        handler.isCured.withLock { $0 = true }
        try await eventually("the loop is woken for what ended") { wakeup.drain() }
        #expect(held.takeEnded().map(\.ending) == [.interrupted])
        #expect(handler.started.withLock { $0 } == [1])
        try await eventually("the loop is woken for the pause's end") { wakeup.drain() }
        #expect(ContinuousClock.now - began >= HeldJobs.shortagePause)
        try await eventually { held.takeEnded().map(\.ending) == [.succeeded] }
        #expect(handler.started.withLock { $0 } == [1, 2])
        #expect(held.takesJobs && !held.isBroken)
        #expect(handler.reports.withLock { $0.map(\.code) } == [code])
    }

    @Test(arguments: [EACCES, EPERM, ENOENT, ENOSYS, EINVAL, EIO, ESTALE, E2BIG])
    func `whatever else keeps programs from starting hands the jobs back, and ends the worker`(code: Int32) async throws
    {
        let handler = Broken(code)
        let (held, _) = try held(handler) { error in handler.reports.withLock { $0.append(error) } }
        held.add(claims(1...4))
        var ended: [(claim: Claim, ending: Ending)] = []
        try await eventually {
            ended += held.takeEnded()
            return held.isBroken && ended.count == handler.started.withLock { $0.count }
        }
        #expect(ended.allSatisfy { $0.ending == .interrupted })
        #expect(ended.count <= 2 && ended.count + held.takeWaiting().count == 4)
        #expect(!held.takesJobs)
        #expect(handler.reports.withLock { $0.map(\.code) } == [code])
    }

    @Test func forgetsLostClaims() async throws {
        let gate = Gate()
        let (held, _) = try held(gate, concurrency: 1)
        let claims = claims(1...3)
        held.add(claims)
        try await eventually { gate.started.withLock { $0 } == [1] }
        #expect(held.lose([claims[0], claims[2]]) == 2)
        gate.letGo(2)
        var endings: [Int64: Ending] = [:]
        try await eventually {
            for (claim, ending) in held.takeEnded() { endings[claim.id.rawValue] = ending }
            return endings.count == 2
        }
        #expect(endings == [1: .lost, 2: .succeeded])
        #expect(gate.started.withLock { $0 } == [1, 2])
        #expect(held.lose([claims[0]]) == 0, "what has ended is not lost any more")
    }

    @Test func interruptsEverythingForAShutdown() async throws {
        let (held, _) = try held(Gate(), concurrency: 1)
        held.add(claims(1...2))
        #expect(held.takeWaiting().map(\.id.rawValue) == [2])
        held.stopAll()
        var ended: [(claim: Claim, ending: Ending)] = []
        try await eventually {
            ended += held.takeEnded()
            return !ended.isEmpty
        }
        #expect(ended.map(\.ending) == [.interrupted])
        #expect(held.count == 2)
    }
}
