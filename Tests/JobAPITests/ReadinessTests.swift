import Testing

@testable import JobAPI

@Suite struct ReadinessTests {
    let start = ContinuousClock.now

    func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test func `PostgreSQL is asked once in 100 ms`() throws {
        var readiness = Readiness()
        var asked = 0
        for (time, expected) in [(0, 1), (0, 1), (99, 1), (100, 2), (199, 2), (200, 3)] {
            let migration = try readiness.migration(now: at(time), clock: { at(time) }) {
                asked += 1
                return 1000
            }
            #expect(migration == 1000)
            #expect(asked == expected, "at \(time) ms")
        }
    }

    @Test func `an answer that was slow to come is kept as long as any`() {
        var readiness = Readiness()
        var asked = 0
        for (time, expected) in [(0, 1), (0, 1), (1099, 1), (1100, 2)] {
            #expect(throws: Problem.self) {
                // It took a second.
                try readiness.migration(now: at(time), clock: { at(time + 1000) }) { () throws(Problem) in
                    asked += 1
                    throw .unavailable("away")
                }
            }
            #expect(asked == expected, "at \(time) ms")
        }
    }

    @Test func `a schema that is too old is not ready`() {
        var readiness = Readiness()
        #expect { try readiness.migration(now: start) { 1 } } throws: {
            ($0 as? Problem)?.status == .serviceUnavailable
        }
    }
}
