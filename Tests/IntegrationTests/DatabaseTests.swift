import JobStorage
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct DatabaseTests {
    static let asking = Statement("ask_backend", "SELECT pg_backend_pid()")

    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `every connection that is made raises the generation`() throws {
        let database = Database(url: scratch.databaseURL, name: "tests", timeout: .seconds(20))
        #expect(database.generation == 0)
        for _ in 0..<2 { _ = try database.execute(DatabaseTests.asking, Parameters()) }
        #expect(database.generation == 1)
        let backend = try database.execute(DatabaseTests.asking, Parameters()).int32(0, 0)
        try scratch.sql("SELECT pg_terminate_backend(\(backend))")
        #expect(try database.execute(DatabaseTests.asking, Parameters()).int32(0, 0) != backend)
        #expect(database.generation == 2)
    }
}
