import Foundation
import Testing

/// Keeps README.md true: what it names is there, and what is to be configured is in its tables.
@Suite struct ReadmeTests {
    private let readme: String

    init() throws { readme = try Repository.text("README.md") }

    @Test func everySettingOfTheProgramsIsInATableAsItIs() throws {
        let rows = Readme(readme).settings
        let settings = try Repository.settings()
        #expect(settings.count >= 10)
        for setting in settings {
            let row = rows[setting.name]
            #expect(row != nil, "\(setting.name) is in no table")
            if let standard = setting.standard { #expect(row?.standard == standard, "\(setting.name)'s default") }
            if let range = setting.range { #expect(row?.range == range, "\(setting.name)'s range") }
        }
    }

    @Test func everySettingOfMakeIsInATableAsItIs() throws {
        let rows = Readme(readme).settings
        let variables = try Repository.makeVariables()
        #expect(!variables.isEmpty)
        for (name, standard) in variables {
            #expect(rows[name]?.standard == standard, "\(name)'s default")
        }
    }

    @Test func noTableNamesASettingThatIsNotThere() throws {
        let scripts = try Repository.text("Sources/stack/up")
        let known = Set(try Repository.settings().map(\.name) + Repository.makeVariables().keys)
        for name in Readme(readme).settings.keys where !known.contains(name) {
            let isRead = scripts.contains("${\(name):-")
            #expect(isRead, "\(name) is read nowhere")
        }
    }

    @Test func everyTargetOfMakeIsThere() throws {
        let makefile = try Repository.text("Makefile")
        let targets = Set(makefile.matches(of: /(?m)^([a-z]+):/).map { String($0.1) })
        let named = Set(Readme(readme).code.flatMap { $0.matches(of: /\bmake ([a-z]+)/).map { String($0.1) } })
        #expect(named.isSuperset(of: ["up", "test"]))
        #expect(named.subtracting(targets).isEmpty)
    }

    @Test func everyPathIsThere() {
        let paths = Readme(readme).paths
        #expect(paths.count >= 10)
        for path in paths { #expect(Repository.holds(path), "\(path) is not there") }
    }

    @Test func everyLinkHasAnEnd() {
        let anchors = Readme(readme).anchors
        for link in readme.matches(of: /\]\(([^)]+)\)/).map({ String($0.1) }) where !link.contains("://") {
            let found = link.hasPrefix("#") ? anchors.contains(String(link.dropFirst())) : Repository.holds(link)
            #expect(found, "\(link) leads nowhere")
        }
    }
}

/// README.md by its parts.
private struct Readme {
    struct Row {
        let standard: String
        let range: String
    }

    private let text: String
    private let fences: [String]
    private let prose: String

    init(_ text: String) {
        self.text = text
        // Every second piece is between two fences.
        let pieces = text.components(separatedBy: "```")
        fences = pieces.indices.filter { $0 % 2 == 1 }.map { pieces[$0] }
        prose = pieces.indices.filter { $0 % 2 == 0 }.map { pieces[$0] }.joined()
    }

    var spans: [String] { prose.matches(of: /`([^`]+)`/).map { String($0.1) } }

    var code: [String] { fences + spans }

    /// The rows of the configuration's tables, by their variable.
    var settings: [String: Row] {
        let rows = section("Configuration").matches(of: /(?m)^\| `([A-Z_]+)` \|([^|]*)\|([^|]*)\|/).map { match in
            let standard = match.2.replacing("`", with: "").trimmingCharacters(in: .whitespaces)
            return (String(match.1), Row(standard: standard, range: match.3.trimmingCharacters(in: .whitespaces)))
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// Files and directories: all that the layout's table lists, and whatever else has a slash in it. What only a run or a
    /// build makes is not looked for, nor are media types.
    var paths: [String] {
        let listed = section("Layout").matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
        let named = spans.filter { $0.wholeMatch(of: /\.?\w[\w.-]*(\/[\w.-]+)+/) != nil }
        return (listed + named).filter { path in
            [".run/", ".build/", "application/"].allSatisfy { !path.hasPrefix($0) }
        }
    }

    private func section(_ title: String) -> String {
        text.components(separatedBy: "\n## ").first { $0.hasPrefix(title + "\n") } ?? ""
    }

    /// What GitHub makes of the headings.
    var anchors: Set<String> {
        Set(
            prose.matches(of: /(?m)^#+ (.+)$/).map { heading in
                heading.1.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" }
                    .replacing(" ", with: "-")
            })
    }
}

/// What the README speaks of.
private enum Repository {
    struct Setting {
        let name: String
        /// As the README has to put it; nil where that is left to its words.
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
        let directory = root.appendingPathComponent("Sources")
        let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
        let sources = (files?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        return try sources.flatMap { file in
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            return lines.filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("//") }.flatMap(settings)
        }
    }

    private static func settings(in line: Substring) -> [Setting] {
        let reading = /environment\.(\w+)\("([A-Z_]+)"(?:, default: \.?(\w+))?(?:, in: ([\d_]+)\.\.\.([\d_]+))?/
        return line.matches(of: reading).map {
            let isRequired = $0.1 == "required" || $0.1 == "redisURL"
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
}
