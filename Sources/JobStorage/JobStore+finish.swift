package import Jobs
package import Postgres

extension JobStore {
    /// Writes how claimed jobs ended.
    /// - Returns: the outcomes that count. One that is left out came from a claim that is no longer the job's: it changed
    ///   nothing.
    package func finish(_ outcomes: [Outcome]) throws(PostgresError) -> Set<JobID> {
        let outcomes = outcomes.sorted { $0.claim.id < $1.claim.id }
        parameters.removeAll()
        parameters.add(outcomes.map(\.claim.id.rawValue))
        parameters.add(outcomes.map(\.claim.attempt))
        parameters.add(outcomes.map { $0.status.rawValue as String? })
        parameters.add(outcomes.map(\.failure))
        let rows = try database.execute(JobStore.finishing, parameters)
        return Set((0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) })
    }

    private static let finishing = Statement(
        "finish",
        """
        UPDATE jobs
        SET status = outcome.status, end_time = timezone('utc', clock_timestamp()), message = outcome.message,
            lease_expires_at = NULL
        FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) AS outcome (id, attempt, status, message)
        WHERE jobs.id = outcome.id AND jobs.attempt = outcome.attempt AND jobs.status = 'running'
        RETURNING jobs.id
        """)
}
