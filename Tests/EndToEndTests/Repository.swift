import Foundation

/// What the documentation speaks of.
enum Repository {
    struct Setting {
        let name: String
        /// As the documentation has to put it; nil where that is left to its words.
        let standard: String?
        let range: String?
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func holds(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// Every setting that a program reads from its environment.
    static func settings() throws -> [Setting] {
        try swiftFiles(in: "Sources").flatMap { file in
            let lines = file.split(separator: "\n")
            return lines.filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("//") }.flatMap(settings)
        }
    }

    private static func settings(in line: Substring) -> [Setting] {
        let reading = /environment\.(\w+)\("([A-Z_]+)"(?:, default: \.?(\w+))?(?:, in: ([\d_]+)\.\.\.([\d_]+))?/
        return line.matches(of: reading).map {
            let isRequired = $0.1 == "required" || $0.1 == "redisURL" || $0.1 == "databaseURL"
            let standard = $0.3.map { $0 == "prefetch" ? "JOB_PREFETCH" : String($0.replacing("_", with: "")) }
            var range: String?
            if let low = $0.4, let high = $0.5 { range = "\(low) to \(high)".replacing("_", with: "") }
            return Setting(name: String($0.2), standard: isRequired ? "required" : standard, range: range)
        }
    }

    /// The settings of `make up` that have a default, and what it is.
    static func makeVariables() throws -> [String: String] {
        let assignments = try text("Makefile").matches(of: /(?m)^export ([A-Z_]+) \?= (.*)$/)
        return Dictionary(assignments.map { (String($0.1), String($0.2)) }) { first, _ in first }
    }

    /// The settings of docker-compose.yml that have a default there, and what it is.
    static func composeVariables() throws -> [String: String] {
        let uses = try text("docker-compose.yml").matches(of: /\$\{([A-Z_]+):-([^}]+)\}/)
        return Dictionary(uses.map { (String($0.1), String($0.2)) }) { first, _ in first }
    }

    /// The names of all test suites.
    static func suites() throws -> Set<String> {
        Set(try swiftFiles(in: "Tests").flatMap { $0.matches(of: /@Suite.*struct (\w+)/).map { String($0.1) } })
    }

    private static func swiftFiles(in directory: String) throws -> [String] {
        let files = FileManager.default.enumerator(
            at: root.appendingPathComponent(directory), includingPropertiesForKeys: nil)
        let sources = (files?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        return try sources.map { try String(contentsOf: $0, encoding: .utf8) }
    }
}
