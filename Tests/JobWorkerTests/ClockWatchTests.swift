import JobStorage
import Jobs
import Testing

@testable import JobWorker

@Suite struct ClockWatchTests {
    /// Heartbeats with a lease of 10 s: the monotonic clock's seconds, the database's.
    func watched(_ beats: [(at: Double, database: Double)], until end: Double) -> JobStore.Watched? {
        var watch = ClockWatch(lease: 10)
        for beat in beats {
            let answered = Int64(beat.at * 1e9)
            watch.note(
                Timestamp(microseconds: Int64(beat.database * 1e6)), asked: answered - 1_000_000, answered: answered)
        }
        return watch.watched(at: Int64(end * 1e9))
    }

    func seconds(_ beats: [(at: Double, database: Double)], until end: Double) -> Double? {
        watched(beats, until: end)?.seconds
    }

    @Test func `nothing is known before the first heartbeat`() { #expect(watched([], until: 100) == nil) }

    @Test func `a watch lasts as long as heartbeats come`() {
        let beats = (0...10).map { (at: Double($0) * 3.3, database: 1000 + Double($0) * 3.3) }
        #expect(seconds(beats, until: 34) == 34)
    }

    @Test func `the time that is known goes on with the monotonic clock`() {
        #expect(watched([(0, 1000)], until: 4)?.now == Timestamp(microseconds: 1004 * 1_000_000))
    }

    @Test func `half a lease without a heartbeat is too long`() {
        #expect(seconds([(0, 0), (4.99, 4.99)], until: 5) == 5)
        #expect(seconds([(0, 0), (5.01, 5.01)], until: 6).map { ($0 * 100).rounded() } == 99)
        #expect(watched([(0, 0)], until: 4.99) != nil)
        #expect(watched([(0, 0)], until: 5.01) == nil)
    }

    @Test(arguments: [(0.9, true), (1.1, false), (-0.9, true), (-1.1, false), (3600, false), (-3600, false)])
    func `a step of more than a tenth of a lease begins a new watch`(step: Double, holds: Bool) {
        let seconds = seconds([(0, 10_000), (3, 10_003 + step)], until: 4)
        #expect(seconds == (holds ? 4 : 1))
    }

    @Test func `a slow answer is no step`() {
        var watch = ClockWatch(lease: 10)
        watch.note(Timestamp(microseconds: 0), asked: -1_000_000, answered: 0)
        // The server read its clock at once, or just before it answered.
        watch.note(Timestamp(microseconds: 1_000_000), asked: 1_000_000_000, answered: 4_000_000_000)
        #expect(watch.watched(at: 4_000_000_000)?.seconds == 4)
    }

    @Test func `a clock at the end of time is a step, and no crash`() {
        var watch = ClockWatch(lease: 10)
        watch.note(Timestamp(microseconds: .min / 2), asked: 0, answered: 1)
        watch.note(Timestamp(microseconds: .max / 2), asked: 2, answered: 3)
        #expect(watch.watched(at: 1_000_000_003)?.seconds == 1)
    }
}
