import Postgres
import Service
import TestSupport
import Testing

/// The password of these URLs is `s3cr`, something that a URL takes for its own, and `zq7t`.
@Suite(.timeLimit(.minutes(2))) struct DatabaseURLTests {
    static let unreadable = [
        "postgrsql://jobs:s3cr@h/jobs?sslmode=disable", "postgresql:/jobs:s3cr@h/jobs", "jobs:s3cr@h/jobs", "s3cr",
        "postgresql://jobs:s3cr%ZZzq7t@h/jobs", "postgresql://jobs:s3cr/zq7t@h/jobs",
        "postgres://jobs:s3cr@zq7t@h/jobs",
        "postgresql://jobs:s3cr@r:zq7t@h/jobs", "postgresql://jobs:s3cr@r/zq7t@h/jobs",
        "postgresql://jobs:12/s3cr@h/jobs",
        "postgresql://jobs:12/?s3cr@h/jobs", "postgresql://h:s3cr/jobs", "postgresql://h:0/jobs",
        "postgresql://h:65536/jobs",
        "host=h1,h2,h3 port=1,2", "postgresql://h/jobs?s3cr=1", "postgresql://h/jobs?sslmode=s3cr",
        "postgresql://h/jobs?target_session_attrs=s3cr", "postgresql://h/jobs?keepalives_idle=s3cr",
        "postgresql://h/jobs?host=s3cr%40h", "host=h password=s3cr zq7t", "host='h s3cr'",
        "host=h hostaddr=1.1.1.1,1.1.1.2",
        "postgresql://jobs:x@h\n/jobs",
    ]

    func faults(_ variables: [String: String]) -> [String] {
        var environment = Environment(variables)
        _ = environment.databaseURL("DATABASE_URL")
        return environment.faults
    }

    @Test(arguments: unreadable) func `a URL that libpq cannot read is a fault`(url: String) {
        let faults = faults(["DATABASE_URL": url])
        #expect(faults.count == 1)
        for text in faults {
            #expect(text.hasPrefix("DATABASE_URL ") && !text.contains("s3cr") && !text.contains("zq7t"), "\(text)")
        }
    }

    @Test(
        arguments: [
            "postgresql:///jobs", "postgresql://jobs:s3%40cr@h:5432/jobs?sslmode=require",
            "host=h user=jobs password='a@b c'",
            "postgres://jobs:p?w:@h1,h2:5433/jobs", "postgresql://jobs@h1,[::1]:1,h3/jobs?target_session_attrs=any",
            "postgresql://jobs@%2Frun%2Fpostgresql/jobs",
            "postgresql://h/jobs?application_name=a@b&sslmode=verify-full",
            "host=h hostaddr=10.0.0.1 connect_timeout=5 keepalives_idle=3 sslrootcert=/nowhere",
        ])
    func `any other is taken`(url: String) { #expect(faults(["DATABASE_URL": url]).isEmpty) }

    @Test func `a missing one is a fault`() {
        #expect(faults([:]) == ["DATABASE_URL is not set: set it, or DATABASE_URL_FILE"])
    }

    /// Each character that means something in a URL or a connection string, at each place of the password.
    @Test(arguments: Array("/@:?#%&=,+ '\"\\[]!\n\t"))
    func `whatever is in the password, no fault and no error repeats a piece of it`(character: Character) throws {
        let passwords = [
            "s3cr\(character)zq7t", "\(character)s3crzq7t", "s3crzq7t\(character)", "12\(character)s3crzq7t",
        ]
        let urls = passwords.flatMap { password in
            [
                "postgresql://jobs:\(password)@127.0.0.1:1/jobs",
                "postgres://jobs:\(password)@127.0.0.1:1,127.0.0.2/jobs",
                "postgresql://127.0.0.1:1/jobs?user=jobs&password=\(password)",
                "postgresql//jobs:\(password)@127.0.0.1:1/jobs",
                "postgresql://127.0.0.1:1/jobs?sslmode=\(password)",
                "postgresql://127.0.0.1:1/jobs?sslpassword=\(password)",
                "host=127.0.0.1 port=1 password=\(password) user=jobs", "host=127.0.0.1 port=1 password='\(password)'",
            ]
        }
        for url in urls {
            var words = faults(["DATABASE_URL": url])
            do { _ = try Connection(url: url, name: "tests") } catch { words.append("\(error)") }
            #expect(!words.isEmpty)
            for text in words { #expect(!text.contains("s3cr") && !text.contains("zq7t"), "\(url): \(text)") }
        }
    }
}
