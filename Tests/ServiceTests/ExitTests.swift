import Service
import Testing

@Suite("Exit on a fault", .timeLimit(.minutes(1)))
struct ExitTests {
    @Test("Every fault is a line on the standard error, and the code is 78")
    func exits() async throws {
        let result = await #expect(processExitsWith: .exitCode(78), observing: [\.standardErrorContent]) {
            var environment = Environment(["A": "x", "B": "y\nz"])
            _ = environment.integer("A", default: 1, in: 1...2)
            _ = environment.integer("B", default: 1, in: 1...2)
            environment.exitOnFault(log: Log(label: "job-test"))
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        let lines = text.split(separator: "\n").filter { $0.contains(" critical job-test[") }
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("] A must be a whole number from 1 to 2, not 'x'") == true)
        #expect(lines.last?.hasSuffix("] B must be a whole number from 1 to 2, not 'y\\nz'") == true)
    }

    @Test("Without a fault it goes on")
    func goesOn() {
        let environment = Environment([:])
        environment.exitOnFault(log: Log(label: "job-test"))
    }
}
