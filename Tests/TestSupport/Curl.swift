internal import Foundation

/// A response, as curl saw it.
package struct Response: Sendable {
    package let status: Int
    /// By lower-case name.
    package let headers: [String: String]
    package let body: String

    /// The members of a JSON object; numbers and strings as text, null as nil.
    package func member(_ name: String) throws -> String? {
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        guard let value = object?[name] else { throw TestFailure("no \(name) in \(body)") }
        return value is NSNull ? nil : "\(value)"
    }
}

extension Stack {
    /// Runs curl.
    package func curl(_ path: String, _ arguments: String...) async throws -> Response {
        let output = try await Shell.check(["curl", "-s", "-i", "--max-time", "20"] + arguments + [url(path)])
        let parts = output.components(separatedBy: "\r\n\r\n")
        let lines = (parts.first ?? "").components(separatedBy: "\r\n")
        let headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (line[..<colon].lowercased(), line[colon...].dropFirst().trimmingCharacters(in: .whitespaces))
        }
        let status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
        return Response(
            status: status, headers: Dictionary(headers) { $1 }, body: parts.dropFirst().joined(separator: "\r\n\r\n"))
    }

    package func post(_ body: String, type: String = "application/json") async throws -> Response {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("body-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try body.write(toFile: file, atomically: true, encoding: .utf8)
        return try await curl("/v1/jobs", "-X", "POST", "-H", "Content-Type: \(type)", "--data-binary", "@\(file)")
    }

    /// Creates a job and gives its id.
    package func create(_ object: Int) async throws -> Int {
        let response = try await post("{\"object_id\":\(object)}")
        guard [200, 201].contains(response.status), let id = try response.member("job_id").flatMap({ Int($0) }) else {
            throw TestFailure("\(response.status) \(response.body)")
        }
        return id
    }

    /// Waits until the job has this status.
    @discardableResult
    package func wait(for id: Int, _ status: String, within limit: Duration = .seconds(20)) async throws -> Response {
        var last: Response?
        try await eventually(within: limit, "job \(id) \(status)") {
            last = try await curl("/v1/jobs/\(id)")
            return try last?.member("status") == status
        }
        guard let last else { throw TestFailure("no response") }
        return last
    }
}
