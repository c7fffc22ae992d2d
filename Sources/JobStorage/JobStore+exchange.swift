package import Jobs
package import Postgres

extension JobStore {
    /// Writes how claimed jobs ended, and claims others that wait, in one transaction: a worker at full load commits once a
    /// batch, and never holds both.
    /// - Parameters:
    ///   - outcomes: one for each claim.
    ///   - ids: of these, what does not wait (finished, running elsewhere, unknown) is left out.
    ///   - lease: JOB_LEASE, in seconds.
    /// - Returns: the jobs whose outcome counts, and the new claims. An outcome that is left out came from a claim that is no
    ///   longer the job's, and changed nothing; or it was written before, and the answer to that was lost.
    ///
    /// Claims whose answer was lost are found by nobody until their lease is over: to know them again would take a mark in
    /// every row, for what only a connection that breaks at the wrong moment needs.
    package func exchange(
        _ outcomes: [Outcome], for ids: [JobID], lease: Int
    ) throws(PostgresError) -> (finished: Set<JobID>, claims: [Claim]) {
        let outcomes = outcomes.sorted { ($0.claim.id, $0.claim.attempt) < ($1.claim.id, $1.claim.attempt) }
        parameters.removeAll()
        parameters.add(outcomes.map(\.claim.id.rawValue))
        parameters.add(outcomes.map(\.claim.attempt))
        parameters.add(outcomes.contains { $0.failure != nil } ? outcomes.map(\.failure) : [])
        parameters.add(ids.map(\.rawValue).sortedAndDistinct())
        parameters.add(Double(lease))
        let rows = try database.execute(JobStore.exchanging, parameters)
        var finished: Set<JobID> = []
        var claims: [Claim] = []
        for row in 0..<rows.count {
            if rows.isNull(row, 1) {
                finished.insert(JobID(rawValue: rows.int64(row, 0)))
            } else {
                claims.append(Claim(rows, row))
            }
        }
        return (finished, claims)
    }

    /// Which of these outcomes, that `exchange` left out, are nonetheless what the jobs say: only the claim itself, or the
    /// end of the last lease with a message of its own, can have ended the job under that attempt.
    package func written(_ outcomes: [Outcome]) throws(PostgresError) -> Set<JobID> {
        parameters.removeAll()
        parameters.add(outcomes.map(\.claim.id.rawValue))
        parameters.add(outcomes.map(\.claim.attempt))
        parameters.add(outcomes.map(\.failure))
        let rows = try database.execute(JobStore.findingWritten, parameters)
        return Set((0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) })
    }

    private static let findingWritten = Statement(
        "find_written",
        """
        SELECT id FROM jobs JOIN unnest($1::bigint[], $2::integer[], $3::text[]) AS outcome (id, attempt, failure)
            USING (id, attempt)
        WHERE end_time IS NOT NULL AND message IS NOT DISTINCT FROM failure
        """)

    /// The arrays are sorted by id, and `width_bucket` is a binary search: it gives the place of a row's values. A join with
    /// `unnest` would leave it to the planner to read all of an index that was short when the plan was made.
    private static let exchanging = Statement(
        "exchange",
        """
        WITH finished AS (
            UPDATE jobs
            SET message = ($3::text[])[width_bucket(id, $1::bigint[])],
                status = CASE WHEN ($3::text[])[width_bucket(id, $1::bigint[])] IS NULL THEN 'success' ELSE 'failed' END,
                end_time = timezone('utc', clock_timestamp()),
                lease_expires_at = NULL
            WHERE id = ANY ($1::bigint[]) AND attempt = ($2::integer[])[width_bucket(id, $1::bigint[])]
              AND status = 'running'
            RETURNING id
        ), claimed AS (
            UPDATE jobs
            SET status = 'running', attempt = attempt + 1, start_time = timezone('utc', clock_timestamp()),
                lease_expires_at = clock_timestamp() + $5::float8 * interval '1 second'
            WHERE id = ANY ($4::bigint[]) AND status = 'created'
            RETURNING id, object_id, attempt
        )
        SELECT id, NULL, NULL FROM finished
        UNION ALL
        SELECT id, object_id, attempt FROM claimed
        """)
}
