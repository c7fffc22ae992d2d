package import Jobs
package import Postgres

extension JobStore {
    /// Writes how claimed jobs ended.
    /// - Returns: the outcomes that count. One that is left out came from a claim that is no longer the job's: it changed
    ///   nothing.
    package func finish(_ outcomes: [Outcome]) throws(PostgresError) -> Set<JobID> {
        let outcomes = outcomes.sorted { ($0.claim.id, $0.claim.attempt) < ($1.claim.id, $1.claim.attempt) }
        parameters.removeAll()
        parameters.add(outcomes.map(\.claim.id.rawValue))
        parameters.add(outcomes.map(\.claim.attempt))
        parameters.add(outcomes.contains { $0.failure != nil } ? outcomes.map(\.failure) : [])
        let rows = try database.execute(JobStore.finishing, parameters)
        return Set((0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) })
    }

    /// The arrays are sorted by id, and `width_bucket` is a binary search: it gives the place of a row's values. A join with
    /// `unnest` would leave it to the planner to read all of an index that was short when the plan was made.
    private static let finishing = Statement(
        "finish",
        """
        UPDATE jobs
        SET message = ($3::text[])[width_bucket(id, $1::bigint[])],
            status = CASE WHEN ($3::text[])[width_bucket(id, $1::bigint[])] IS NULL THEN 'success' ELSE 'failed' END,
            end_time = timezone('utc', clock_timestamp()),
            lease_expires_at = NULL
        WHERE id = ANY ($1::bigint[]) AND attempt = ($2::integer[])[width_bucket(id, $1::bigint[])] AND status = 'running'
        RETURNING id
        """)
}
