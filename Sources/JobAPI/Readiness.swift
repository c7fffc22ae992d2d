internal import JobStorage

/// What PostgreSQL said of itself, kept for a moment: readiness is asked for by anybody, as often as they like.
struct Readiness {
    /// For how long an answer is given to everybody who asks.
    static let lifetime: Duration = .milliseconds(100)

    private var last: Result<Int32, Problem>?
    private var until = ContinuousClock.now

    /// The migration that the database is at, where that is enough.
    /// - Parameters:
    ///   - now: one moment for a whole batch, in which PostgreSQL is then asked once.
    ///   - ask: asks PostgreSQL.
    mutating func migration(
        now: ContinuousClock.Instant, clock: () -> ContinuousClock.Instant = { .now },
        ask: () throws(Problem) -> Int32
    ) throws(Problem) -> Int32 {
        if let last, now < until { return try last.get() }
        let answer = Result(catching: { () throws(Problem) in try Readiness.check(ask()) })
        last = answer
        // Since the answer came: without PostgreSQL it may take longer to come than it is kept.
        until = clock() + Readiness.lifetime
        return try answer.get()
    }

    private static func check(_ migration: Int32) throws(Problem) -> Int32 {
        guard migration >= JobStore.requiredMigration else {
            throw .unavailable("the database is at migration \(migration), and \(JobStore.requiredMigration) is needed")
        }
        return migration
    }
}
