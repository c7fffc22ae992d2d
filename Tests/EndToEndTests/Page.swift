import Foundation

/// A page of the documentation by its parts.
struct Page {
    struct Row {
        let standard: String
        let range: String
    }

    /// In the repository.
    let path: String
    let text: String
    /// Blocks of code, each with its language in front.
    let fences: [String]
    private let prose: String

    init(_ path: String) throws {
        self.path = path
        text = try Repository.text(path)
        // Every second piece is between two fences.
        let pieces = text.components(separatedBy: "```")
        fences = pieces.indices.filter { $0 % 2 == 1 }.map { pieces[$0] }
        prose = pieces.indices.filter { $0 % 2 == 0 }.map { pieces[$0] }.joined()
    }

    /// README.md, CHANGELOG.md and whatever is in docs.
    static func all() throws -> [Page] {
        let pages = try FileManager.default.contentsOfDirectory(atPath: "\(Repository.root.path)/docs")
        return try (["README.md", "CHANGELOG.md"] + pages.map { "docs/\($0)" }).sorted().map(Page.init)
    }

    private var spans: [String] { prose.matches(of: /`([^`]+)`/).map { String($0.1) } }

    var code: [String] { fences + spans }

    /// The lines of its blocks of shell commands.
    var commands: [String] {
        fences.filter { $0.hasPrefix("sh\n") }.flatMap { $0.split(separator: "\n").dropFirst().map(String.init) }
    }

    /// The rows of tables by what is in the first column, if that is a setting.
    var settings: [String: Row] {
        let rows = prose.matches(of: /(?m)^\| `([A-Z_]+)` \|([^|]*)\|([^|]*)\|/).map { match in
            let standard = match.2.replacing("`", with: "").trimmingCharacters(in: .whitespaces)
            return (String(match.1), Row(standard: standard, range: match.3.trimmingCharacters(in: .whitespaces)))
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// Files and directories: all in a table of paths, and whatever else has a slash in it. What only a run or a build makes is
    /// not looked for, nor are media types.
    var paths: [String] {
        let tables = prose.components(separatedBy: "| path |").dropFirst().map { $0.components(separatedBy: "\n\n")[0] }
        let listed = tables.flatMap { table in
            table.matches(of: /(?m)^\|([^|]+)\|/).flatMap { $0.1.matches(of: /`([^`]+)`/).map { String($0.1) } }
        }
        let named = spans.filter { $0.wholeMatch(of: /\.?\w[\w.-]*(\/[\w.-]+)+/) != nil }
        return (listed + named).filter { path in
            [".run/", ".build/", "application/"].allSatisfy { !path.hasPrefix($0) }
        }
    }

    /// Where its links lead: a path in the repository, and an anchor or nothing. Links to other sites are left out.
    var links: [(link: String, path: String, anchor: String)] {
        prose.matches(of: /\]\(([^)]+)\)/).map { String($0.1) }.filter { !$0.contains("://") }.map { link in
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let folder = URL(fileURLWithPath: "/" + path).deletingLastPathComponent()
            let target = folder.appendingPathComponent(String(parts[0])).standardizedFileURL.path.dropFirst()
            return (link, parts[0].isEmpty ? path : String(target), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    /// What GitHub makes of the headings.
    var anchors: Set<String> {
        Set(
            prose.matches(of: /(?m)^#+ (.+)$/).map { heading in
                heading.1.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" }
                    .replacing(" ", with: "-")
            })
    }

    /// The rows of the tables of columns: `jobs.id bigint`, by the heading above them.
    var columns: Set<String> {
        let sections = prose.components(separatedBy: "\n## ").dropFirst()
        return Set(
            sections.flatMap { section in
                let table = section.prefix { $0 != "\n" }
                let rows = section.components(separatedBy: "| column |").dropFirst().first ?? ""
                return rows.components(separatedBy: "\n\n")[0].matches(of: /(?m)^\| `(\w+)` \| ([^|]+) \|/)
                    .map { "\(table).\($0.1) \($0.2)" }
            })
    }
}
