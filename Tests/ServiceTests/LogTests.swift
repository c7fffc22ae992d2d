import Service
import Synchronization
import Testing

@Suite("Log")
struct LogTests {
    private let sink = MemorySink()

    /// The lines from the level on: what comes before it differs from run to run.
    private var records: [Substring] { sink.lines.map { $0.drop { $0 != " " }.dropFirst() } }

    @Test("A record has its time, level, label, process, message and metadata in order")
    func format() throws {
        Log(label: "job-worker", sink: sink).info("claimed 10 jobs", ["worker": "w1", "request_id": "ab"])
        let line = try #require(sink.lines.first)
        let format =
            /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info job-worker\[\d+\] claimed 10 jobs worker=w1 request_id=ab/
        #expect(line.wholeMatch(of: format) != nil)
    }

    @Test("A level writes itself and what is above it", arguments: LogLevel.allCases)
    func levels(level: LogLevel) {
        let log = Log(label: "x", level: level, sink: sink)
        log.trace("m")
        log.debug("m")
        log.info("m")
        log.notice("m")
        log.warning("m")
        log.error("m")
        log.critical("m")
        let written = records.map { $0.prefix { $0 != " " } }
        #expect(written == LogLevel.allCases.filter { $0 >= level }.map { $0.rawValue[...] })
    }

    @Test("What a disabled level is given is not evaluated")
    func lazy() {
        let count = Mutex(0)
        func costly() -> String {
            count.withLock { $0 += 1 }
            return "x"
        }
        let log = Log(label: "x", level: .warning, sink: sink)
        log.info(costly(), ["k": costly()])
        #expect(count.withLock { $0 } == 0)
        log.warning(costly(), ["k": costly()])
        #expect(count.withLock { $0 } == 2)
    }

    @Test("Context comes before a record's own metadata")
    func context() {
        Log(label: "x", sink: sink).with(["a": "1"]).with(["b": "2"]).info("m", ["c": "3"])
        #expect(sink.lines.allSatisfy { $0.hasSuffix("] m a=1 b=2 c=3") })
        #expect(sink.lines.count == 1)
    }
}
