import Foundation
import TestSupport
import Testing

/// Keeps README.md, CHANGELOG.md and docs true: what they name is there, and what is to be configured is in their tables.
@Suite(.timeLimit(.minutes(2))) struct DocumentationTests {
    /// A newcomer reads the README to its end.
    private static let readmeLineLimit = 170

    private let pages: [Page]
    private let configuration: Page
    private let docker: Page

    init() throws {
        pages = try Page.all()
        configuration = try Page("docs/configuration.md")
        docker = try Page("docs/docker.md")
    }

    @Test func `every setting of the programs is in the table as it is`() throws {
        let rows = configuration.settings
        let settings = try Repository.settings()
        #expect(settings.count >= 10)
        for setting in settings {
            let row = rows[setting.name]
            #expect(row != nil, "\(setting.name) is in no table")
            if let standard = setting.standard { #expect(row?.standard == standard, "\(setting.name)'s default") }
            if let range = setting.range { #expect(row?.range == range, "\(setting.name)'s range") }
        }
    }

    @Test func `every setting of make is in the table as it is`() throws {
        let rows = configuration.settings
        let variables = try Repository.makeVariables()
        #expect(!variables.isEmpty)
        for (name, standard) in variables {
            #expect(rows[name]?.standard == standard, "\(name)'s default")
        }
    }

    @Test func `every setting of compose is in the table as it is`() throws {
        let variables = try Repository.composeVariables()
        #expect(variables.count >= 5)
        for (name, standard) in variables { #expect(docker.settings[name]?.standard == standard, "\(name)'s default") }
        for name in docker.settings.keys { #expect(variables[name] != nil, "\(name) is read nowhere") }
    }

    @Test func `every setting of the programs arrives in their containers`() throws {
        // These are the image's own.
        let fixed = ["DATABASE_URL", "REDIS_URL", "JOB_MIGRATIONS"]
        let compose = try Repository.text("docker-compose.yml")
        for setting in try Repository.settings() where !fixed.contains(setting.name) {
            #expect(compose.contains(" \(setting.name):"), "\(setting.name) does not arrive")
        }
    }

    @Test func `no table names a setting that is not there`() throws {
        let scripts = try Repository.text("Sources/stack/up")
        let known = Set(try Repository.settings().map(\.name) + Repository.makeVariables().keys)
        for name in configuration.settings.keys where !known.contains(name) {
            let isRead = scripts.contains("${\(name):-")
            #expect(isRead, "\(name) is read nowhere")
        }
    }

    @Test func `every target of make is there`() throws {
        let makefile = try Repository.text("Makefile")
        let targets = Set(makefile.matches(of: /(?m)^([a-z-]+):/).map { String($0.1) })
        for page in pages {
            for match in page.code.flatMap({ $0.matches(of: /\bmake ([a-z][a-z-]*)/).map { String($0.1) } }) {
                #expect(targets.contains(match), "\(page.path) names make \(match)")
            }
        }
        let readme = try Page("README.md").commands.joined(separator: "\n")
        for target in ["up", "test"] { #expect(readme.contains("make \(target) "), "make \(target) is not shown") }
    }

    @Test func `every test that is to be run alone is there`() throws {
        let suites = try Repository.suites()
        let named = pages.flatMap(\.commands).flatMap { $0.matches(of: /--filter '?([\w|]+)/).map { String($0.1) } }
        #expect(!named.isEmpty)
        for name in named.flatMap({ $0.components(separatedBy: "|") }) {
            #expect(suites.contains(name), "there is no suite \(name)")
        }
    }

    @Test func `every path is there`() {
        #expect(pages.flatMap(\.paths).count >= 50)
        for page in pages {
            for path in page.paths { #expect(Repository.holds(path), "\(page.path) names \(path)") }
        }
    }

    @Test func `every link has an end`() throws {
        #expect(pages.flatMap(\.links).count >= 50)
        let anchors = Dictionary(uniqueKeysWithValues: pages.map { ($0.path, $0.anchors) })
        for page in pages {
            for (link, path, anchor) in page.links {
                let isThere = Repository.holds(path)
                let isFound = anchor.isEmpty || anchors[path]?.contains(anchor) == true
                #expect(isThere && isFound, "\(page.path): \(link) leads nowhere")
            }
        }
    }

    @Test func `the README is short, and leads to every page`() throws {
        let readme = try Page("README.md")
        let lines = readme.text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        #expect(lines <= Self.readmeLineLimit)
        let linked = Set(readme.links.map(\.path))
        for page in pages where page.path != readme.path { #expect(linked.contains(page.path), "\(page.path)") }
    }

    @Test func `every page says first for whom it is`() {
        #expect(pages.count >= 13)
        for page in pages where page.path != "README.md" {
            let lines = page.text.split(separator: "\n")
            #expect(lines[0].hasPrefix("# ") && lines[1].hasPrefix("For whoever "), "\(page.path)")
        }
    }

    @Test func `every column is in the schema's page as it is`() throws {
        let scratch = try Scratch()
        let columns = try scratch.sql(
            """
            SELECT attrelid::regclass || '.' || attname || ' ' || CASE atttypid
                WHEN 'timestamp'::regtype THEN 'timestamp' WHEN 'timestamptz'::regtype THEN 'timestamptz'
                ELSE atttypid::regtype::text END
            FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
            """)
        #expect(columns.count >= 25)
        #expect(try Page("docs/schema.md").columns == Set(columns))
        let indexes = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'jobs'::regclass"
        let page = try Page("docs/schema.md").text
        for index in try scratch.sql(indexes) { #expect(page.contains("`\(index)`"), "\(index)") }
    }

    @Test func `all SQL in the pages runs`() async throws {
        let statements = pages.flatMap(\.fences).filter { $0.hasPrefix("sql\n") }.map { $0.dropFirst(4) }
        #expect(statements.count >= 3)
        let scratch = try Scratch()
        try scratch.sql("INSERT INTO jobs (object_id, status) VALUES (1, 'created')")
        for text in statements {
            let psql = ["psql", scratch.databaseURL, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
            let result = try await Shell.run(psql, input: String(text))
            #expect(result.status == 0, "\(result.error)\(text)")
        }
    }

    @Test func `the newest migration is named as it is`() throws {
        let newest = try Scratch.migrations().count
        #expect(try Page("docs/api.md").text.contains("\"migration\":\"\(newest)\""))
        #expect(try Page("docs/schema.md").text.contains("the migrations up to number \(newest) "))
    }
}
