package import Jobs
package import Postgres

extension JobStore {
    /// Claims up to `limit` of the jobs that wait, oldest first, for when there is no stream to tell which.
    package func claimWaiting(limit: Int, lease: Int) throws(PostgresError) -> [Claim] {
        parameters.removeAll()
        parameters.add(Int64(limit))
        parameters.add(Double(lease))
        let rows = try database.execute(JobStore.claimingWaiting, parameters)
        return (0..<rows.count).map { Claim(rows, $0) }
    }

    private static let claimingWaiting = Statement(
        "claim_waiting",
        """
        WITH waiting AS MATERIALIZED (
            SELECT id FROM jobs WHERE status = 'created' ORDER BY id LIMIT $1::bigint FOR UPDATE SKIP LOCKED
        )
        UPDATE jobs
        SET status = 'running', attempt = attempt + 1, start_time = timezone('utc', clock_timestamp()),
            lease_expires_at = clock_timestamp() + $2::float8 * interval '1 second'
        FROM waiting
        WHERE jobs.id = waiting.id
        RETURNING jobs.id, object_id, attempt
        """)
}

extension Claim {
    init(_ rows: borrowing Rows, _ row: Int) {
        self.init(
            id: JobID(rawValue: rows.int64(row, 0)), objectID: ObjectID(rawValue: rows.int32(row, 1)),
            attempt: rows.int32(row, 2))
    }
}
