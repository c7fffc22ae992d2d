import Service
import Testing

@Suite("Outage")
struct OutageTests {
    @Test("Each beginning and each end is said once")
    func onceEach() {
        let sink = MemorySink()
        var outage = Outage(Log(label: "job-fcgi", sink: sink), away: "it is away", back: "it is back")
        for _ in 0..<2 {
            outage.ended()
            outage.began("gone")
            outage.began("gone")
            outage.ended()
        }
        let said = sink.lines.map { $0.hasSuffix(" it is away error=gone") }
        #expect(said == [true, false, true, false])
    }
}
