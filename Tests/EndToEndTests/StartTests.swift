import Foundation
import TestSupport
import Testing

/// The programs by themselves, as a supervisor starts them.
@Suite(.timeLimit(.minutes(2))) struct StartTests {
    static let unreadable = [
        "postgrsql://jobs:s3cr@h/jobs?sslmode=disable", "postgresql://jobs:s3cr%ZZzq7t@h/jobs",
        "postgresql://jobs:s3cr/zq7t@h/jobs", "postgresql://jobs:s3cr@zq7t@h/jobs", "postgresql://h/jobs?sslmode=s3cr",
    ]

    @Test(arguments: ["job-fcgi", "job-worker", "job-migrate"], unreadable)
    func `a URL that cannot be read ends each program with 78 and no piece of it`(
        program: String, url: String
    ) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("url-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try url.write(toFile: file, atomically: true, encoding: .utf8)
        for setting in ["DATABASE_URL": url, "DATABASE_URL_FILE": file] {
            let result = try await Shell.run(
                ["timeout", "20", "\(Scratch.root)/.build/release/\(program)"],
                environment: [
                    setting.key: setting.value, "REDIS_URL": "redis://127.0.0.1", "FCGI_LISTEN": "127.0.0.1:1",
                ])
            #expect(result.status == 78)
            #expect(result.error.contains(" critical \(program)[") && result.error.contains("] DATABASE_URL "))
            #expect(!result.error.contains("s3cr") && !result.error.contains("zq7t"), "\(result.error)")
        }
    }
}
