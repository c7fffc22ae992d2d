import Foundation
import TestSupport
import Testing

/// Runs the commands of the README as they stand there, but for the port.
@Suite(.timeLimit(.minutes(2))) struct ExampleTests {
    @Test func `the README's example does what the README says`() async throws {
        let readme = try Page("README.md")
        let preparing = try #require(readme.commands.first { $0.hasPrefix("mkdir ") })
        let starting = try #require(readme.commands.first { $0.hasPrefix("make up JOB_COMMAND=") })
        let asking = readme.commands.filter { $0.hasPrefix("curl ") }
        #expect(asking.count == 4)
        #expect(Set(try Page("docs/api.md").commands).isSubset(of: asking))
        try await Shell.check(["sh", "-c", preparing])
        let command = starting.components(separatedBy: "'")[1]
        let stack = try await Stack(["JOB_COMMAND": command, "WORKERS": "1", "FCGI": "1"])
        var answers: [String] = []
        for line in asking {
            let command = line.replacing("localhost:3000", with: "localhost:\(stack.port)")
            answers.append(try await Shell.check(["sh", "-c", command]))
        }
        #expect(answers[0] == #"{"job_id":1}"#)
        #expect(answers[1].hasPrefix(#"{"job_id":1,"object_id":1,"status":""#))
        #expect(answers[2...] == [#"{"job_id":2}"#, #"{"job_id":3}"#])
        try await stack.wait(for: 2, "success")
        let message = try await stack.wait(for: 3, "failed").member("message")
        #expect(message.map { readme.text.contains("`\($0)`") } == true, "\(message ?? "no message")")
        #expect(try await stack.create(7) == 2)
        #expect(FileManager.default.fileExists(atPath: "/tmp/reports/7.txt.gz"))
        try await stack.remove()
        _ = try await Shell.run(["sh", "-c", "rm /tmp/reports/7.txt /tmp/reports/7.txt.gz && rmdir /tmp/reports"])
    }
}
