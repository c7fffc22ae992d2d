package import Jobs
package import Postgres

extension JobStore {
    /// One turn of the reconciler, which is one worker's at a time.
    package struct Turn {
        /// Rises by one with each turn.
        package let round: Int64
        /// Which Redis held the whole stream the last time, and the turn that found it so; nil before the first.
        package let redisRunID: String?
        package let markedRound: Int64
    }

    /// Takes the turn, where the last was at least `pause` seconds ago.
    package func takeTurn(pause: Double) throws(PostgresError) -> Turn? {
        parameters.removeAll()
        parameters.add(pause)
        let rows = try database.execute(JobStore.takingTurn, parameters)
        guard rows.count == 1 else { return nil }
        return Turn(round: rows.int64(0, 0), redisRunID: rows.text(0, 1), markedRound: rows.int64(0, 2))
    }

    /// Remembers that in this turn the Redis of this run held the whole stream.
    package func remember(redisRunID: String, round: Int64) throws(PostgresError) {
        parameters.removeAll()
        parameters.add(redisRunID)
        parameters.add(round)
        _ = try database.execute(JobStore.remembering, parameters)
    }

    /// A page of the jobs that wait and were created more than `age` seconds ago, in rising order after `id`.
    package func waiting(after id: JobID, age: Double, limit: Int) throws(PostgresError) -> [JobID] {
        parameters.removeAll()
        parameters.add(id.rawValue)
        parameters.add(age)
        parameters.add(Int64(limit))
        let rows = try database.execute(JobStore.listingWaiting, parameters)
        return (0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) }
    }

    /// Those of the jobs that wait.
    package func stillWaiting(_ ids: [JobID]) throws(PostgresError) -> [JobID] {
        parameters.removeAll()
        parameters.add(ids.map(\.rawValue))
        let rows = try database.execute(JobStore.checkingWaiting, parameters)
        return (0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) }
    }

    private static let takingTurn = Statement(
        "take_turn",
        """
        UPDATE reconciliation SET round = round + 1, next_at = clock_timestamp() + $1::float8 * interval '1 second'
        WHERE next_at <= clock_timestamp()
        RETURNING round, redis_run_id, marked_round
        """)

    private static let remembering = Statement(
        "remember_redis",
        "UPDATE reconciliation SET redis_run_id = $1::text, marked_round = $2::bigint")

    private static let listingWaiting = Statement(
        "list_waiting",
        """
        SELECT id FROM jobs
        WHERE status = 'created' AND id > $1::bigint
          AND created_at < timezone('utc', clock_timestamp()) - $2::float8 * interval '1 second'
        ORDER BY id LIMIT $3::bigint
        """)

    private static let checkingWaiting = Statement(
        "check_waiting",
        "SELECT id FROM jobs WHERE id = ANY ($1::bigint[]) AND status = 'created' ORDER BY id")
}
