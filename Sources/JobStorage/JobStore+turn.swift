package import Jobs
package import Postgres

extension JobStore {
    /// One turn of the reconciler, which is one worker's at a time.
    package struct Turn: Sendable {
        /// Rises by one with each turn.
        package let round: Int64
        /// Which Redis held the whole stream the last time, and the turn that found it so; nil before the first.
        package let redisRunID: String?
        package let markedRound: Int64
        /// The database's clock at the turn's start.
        package let start: Timestamp
        /// Whether everything is to be looked at, and not only what is new.
        package var isFull: Bool { round % JobStore.turnsUntilFull == 0 }
        /// From where on leases, and batches of the outbox, are to be looked for: what is older has been dealt with. From the
        /// beginning in a full turn, and in the first after the clock was set back.
        package let leasesSince: Timestamp
        package let outboxSince: Timestamp
        /// When the stream was last compared with all jobs that wait.
        package let auditedAt: Timestamp
    }

    /// Takes the turn where it is due, or due so far ahead that the clock must have been set back since.
    /// - Parameters:
    ///   - hold: for how many seconds the turn is this worker's, unless it extends it.
    ///   - lease: JOB_LEASE, in seconds.
    package func takeTurn(hold: Double, lease: Int) throws(PostgresError) -> Turn? {
        parameters.removeAll()
        parameters.add(hold)
        parameters.add(Double(max(1, JobStore.commitLimit - lease)))
        let rows = try database.execute(JobStore.takingTurn, parameters)
        guard rows.count == 1 else { return nil }
        return Turn(
            round: rows.int64(0, 0), redisRunID: rows.text(0, 1), markedRound: rows.int64(0, 2),
            start: Timestamp(microseconds: rows.int64(0, 3)), leasesSince: Timestamp(microseconds: rows.int64(0, 4)),
            outboxSince: Timestamp(microseconds: rows.int64(0, 5)),
            auditedAt: Timestamp(microseconds: rows.int64(0, 6)))
    }

    /// Goes on with a turn, for another `hold` seconds.
    /// - Parameter leasesLookedAt: up to where leases have been dealt with; nil where nothing is known of it.
    /// - Returns: whether it is still this worker's.
    package func extend(
        _ turn: Turn, hold: Double, leasesLookedAt: Timestamp? = nil
    ) throws(PostgresError) -> Bool {
        parameters.removeAll()
        parameters.add(turn.round)
        parameters.add(hold)
        parameters.add(leasesLookedAt?.microseconds)
        return try database.execute(JobStore.extendingTurn, parameters).count == 1
    }

    /// Ends a turn in which the Redis of this run held the whole stream, and everything in the outbox was dealt with. The next
    /// is due after `pause` seconds. Changes nothing where the turn is another worker's by now.
    /// - Parameter audited: whether the stream was compared with all jobs that wait.
    package func finish(
        _ turn: Turn, redisRunID: String, audited: Bool = false, pause: Double
    ) throws(PostgresError) {
        parameters.removeAll()
        parameters.add(turn.round)
        parameters.add(pause)
        parameters.add(redisRunID)
        parameters.add(turn.start.microseconds)
        parameters.add(audited ? turn.start.microseconds : nil)
        _ = try database.execute(JobStore.finishingTurn, parameters)
    }

    /// Whether this database may be in an older state than the stream knows, or another server: the connection was made anew,
    /// and since then nobody has compared the two.
    /// - Parameter generation: of the connection of the last turn that got through.
    package func isUnaudited(_ turn: Turn, since generation: Int) -> Bool {
        guard database.generation > generation else { return false }
        let connected = (database.connectedAt.duration(to: .now)) / .microseconds(1)
        return turn.auditedAt.microseconds < turn.start.microseconds - Int64(connected)
    }

    /// Rises with each connection that is made.
    package var generation: Int { database.generation }

    /// Ends a turn that did not get through. The next is due after `pause` seconds.
    package func abandon(_ turn: Turn, pause: Double) throws(PostgresError) { _ = try extend(turn, hold: pause) }

    /// Of how many turns one looks at everything.
    static let turnsUntilFull: Int64 = 256
    /// How long a statement may take to commit, in seconds: by so much a look overlaps with the one before. The end of a lease
    /// is ahead by the length of the lease when it is written.
    private static let commitLimit = 15

    private static let takingTurn = Statement(
        "take_turn",
        """
        UPDATE reconciliation
        SET round = round + 1, next_at = statement_timestamp() + make_interval(secs => $1::float8)
        WHERE next_at <= statement_timestamp()
           OR next_at > statement_timestamp() + make_interval(secs => 2 * $1::float8)
        RETURNING round, redis_run_id, marked_round, statement_timestamp(),
                  CASE WHEN \(isFull("leases_looked_at")) THEN '-infinity' ELSE leases_looked_at - make_interval(secs => $2::float8) END,
                  CASE WHEN \(isFull("outbox_looked_at")) THEN '-infinity' ELSE outbox_looked_at - interval '\(commitLimit) s' END,
                  audited_at
        """)

    private static func isFull(_ mark: String) -> String {
        "round % \(turnsUntilFull) = 0 OR \(mark) > statement_timestamp()"
    }

    private static let extendingTurn = Statement(
        "extend_turn",
        """
        UPDATE reconciliation
        SET next_at = statement_timestamp() + make_interval(secs => $2::float8),
            leases_looked_at = coalesce($3::timestamptz, leases_looked_at)
        WHERE round = $1::bigint
        RETURNING true
        """)

    private static let finishingTurn = Statement(
        "finish_turn",
        """
        UPDATE reconciliation
        SET next_at = statement_timestamp() + make_interval(secs => $2::float8),
            redis_run_id = $3::text, marked_round = $1::bigint, outbox_looked_at = $4::timestamptz,
            audited_at = coalesce($5::timestamptz, audited_at)
        WHERE round = $1::bigint
        """)
}
