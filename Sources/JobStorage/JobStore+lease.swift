package import Jobs
package import Postgres

extension JobStore {
    /// The heartbeat: the leases of these claims begin anew.
    /// - Returns: the jobs whose claim still holds, with its attempt.
    package func renew(_ claims: [Claim], lease: Int) throws(PostgresError) -> [JobID: Int32] {
        let claims = claims.byJob()
        parameters.removeAll()
        parameters.add(claims.map(\.id.rawValue))
        parameters.add(claims.map(\.attempt))
        parameters.add(Double(lease))
        let rows = try database.execute(JobStore.renewing, parameters)
        return (0..<rows.count).reduce(into: [:]) { $0[JobID(rawValue: rows.int64($1, 0))] = rows.int32($1, 1) }
    }

    /// Hands jobs back: they wait again, as if they had not been claimed, and are written down as not yet announced.
    /// - Returns: the jobs that wait again, to be announced.
    package func release(_ claims: [Claim], announcer: inout AnnouncerID) throws(PostgresError) -> [JobID] {
        let claims = claims.byJob()
        let rows = try executeAnnouncing(JobStore.releasing, &announcer) {
            $0.add(claims.map(\.id.rawValue))
            $0.add(claims.map(\.attempt))
        }
        return (0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) }
    }

    /// Ends the claims whose lease is over: their worker is lost. The jobs wait again, written down as not yet announced;
    /// one that has lost its worker JOB_MAX_ATTEMPTS times is failed.
    ///
    /// For one lease after PostgreSQL came up nothing expires: nobody could have renewed anything before.
    package func expire(
        lease: Int, maxAttempts: Int, limit: Int, announcer: inout AnnouncerID
    ) throws(PostgresError) -> (waiting: [JobID], failed: [JobID]) {
        let rows = try executeAnnouncing(JobStore.expiring, &announcer) {
            $0.add(Double(lease))
            $0.add(Int32(maxAttempts))
            $0.add(Int64(limit))
        }
        let ended = (0..<rows.count).map { (id: JobID(rawValue: rows.int64($0, 0)), isLast: rows.bool($0, 1)) }
        return (ended.filter { !$0.isLast }.map(\.id), ended.filter(\.isLast).map(\.id))
    }

    private static let renewing = Statement(
        "renew",
        """
        UPDATE jobs
        SET lease_expires_at = clock_timestamp() + $3::float8 * interval '1 second'
        WHERE id = ANY ($1::bigint[]) AND attempt = ($2::integer[])[width_bucket(id, $1::bigint[])] AND status = 'running'
        RETURNING id, attempt
        """)

    private static let releasing = Statement(
        "release",
        """
        WITH released AS (
            UPDATE jobs
            SET status = 'created', start_time = NULL, lease_expires_at = NULL
            WHERE id = ANY ($2::bigint[]) AND attempt = ($3::integer[])[width_bucket(id, $2::bigint[])]
              AND status = 'running'
            RETURNING id
        ), announced AS (
            INSERT INTO announcements (announcer, job_ids, created_at)
            SELECT $1::bigint, array_agg(id), clock_timestamp() FROM released HAVING count(*) > 0
            ON CONFLICT (announcer) DO UPDATE SET job_ids = excluded.job_ids, created_at = excluded.created_at
        )
        SELECT id FROM released
        """)

    private static let expiring = Statement(
        "expire",
        """
        WITH expired AS MATERIALIZED (
            SELECT id, lost + 1 >= $3::integer AS is_last FROM jobs
            WHERE status = 'running' AND lease_expires_at < clock_timestamp()
              AND pg_postmaster_start_time() < clock_timestamp() - $2::float8 * interval '1 second'
            ORDER BY lease_expires_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED
        ), ended AS (
            UPDATE jobs
            SET lost = lost + 1,
                lease_expires_at = NULL,
                status = CASE WHEN is_last THEN 'failed' ELSE 'created' END,
                start_time = CASE WHEN is_last THEN start_time END,
                end_time = CASE WHEN is_last THEN timezone('utc', clock_timestamp()) END,
                message = CASE WHEN is_last THEN format('job lost its worker %s times, the most that is allowed', lost + 1) END
            FROM expired
            WHERE jobs.id = expired.id
            RETURNING jobs.id, is_last
        ), announced AS (
            INSERT INTO announcements (announcer, job_ids, created_at)
            SELECT $1::bigint, array_agg(id), clock_timestamp() FROM ended WHERE NOT is_last HAVING count(*) > 0
            ON CONFLICT (announcer) DO UPDATE SET job_ids = excluded.job_ids, created_at = excluded.created_at
        )
        SELECT id, is_last FROM ended
        """)
}

extension [Claim] {
    /// A worker may hold two claims of a job, the older of which is lost: of equal ids `width_bucket` gives the last place.
    fileprivate func byJob() -> [Claim] { sorted { ($0.id, $0.attempt) < ($1.id, $1.attempt) } }
}
