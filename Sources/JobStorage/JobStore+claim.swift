package import Jobs
package import Postgres

extension JobStore {
    /// Claims up to `limit` of the jobs that wait, for when there is no stream to tell which: first those that were claimed
    /// before, then the others, oldest first.
    /// - Parameter fromBeginning: looks below `waiting_from` too, where only a job can be whose creation took many seconds to
    ///   commit. Behind a long snapshot this reads every job since that began.
    package func claimWaiting(limit: Int, lease: Int, fromBeginning: Bool) throws(PostgresError) -> [Claim] {
        parameters.removeAll()
        parameters.add(Int64(limit))
        parameters.add(Double(lease))
        parameters.add(Int64.random(in: .min ... .max))
        parameters.add(fromBeginning ? 0 : nil)
        let rows = try database.execute(JobStore.claimingWaiting, parameters)
        return (0..<rows.count).map { Claim(rows, $0, from: 0) }
    }

    private static let claimingWaiting = Statement(
        "claim_waiting",
        """
        WITH again AS MATERIALIZED (
            SELECT id FROM jobs WHERE status = 'created' AND attempt > 0
            ORDER BY attempt, id LIMIT $1::bigint FOR NO KEY UPDATE SKIP LOCKED
        ), new AS MATERIALIZED (
            SELECT id FROM jobs
            WHERE status = 'created' AND attempt = 0
              AND id >= coalesce($4::bigint, (SELECT waiting_from FROM reconciliation))
            ORDER BY id LIMIT $1::bigint - (SELECT count(*) FROM again) FOR NO KEY UPDATE SKIP LOCKED
        )
        \(claim(token: "$3::bigint", lease: "$2::float8"))
        WHERE id = ANY (ARRAY(SELECT id FROM again UNION ALL SELECT id FROM new))
        RETURNING id, object_id, attempt, claim
        """)
}

extension Claim {
    /// - Parameter first: the column of the id; object_id, attempt and claim follow it.
    init(_ rows: borrowing Rows, _ row: Int, from first: Int) {
        self.init(
            id: JobID(rawValue: rows.int64(row, first)), objectID: ObjectID(rawValue: rows.int32(row, first + 1)),
            attempt: rows.int32(row, first + 2), token: rows.int64(row, first + 3))
    }

    /// The order of keys in a statement. A worker may hold two claims of a job, the older of which is lost: of equal ids
    /// `width_bucket` gives the last place.
    func isBefore(_ other: Claim) -> Bool { (id, attempt) < (other.id, other.attempt) }
}
