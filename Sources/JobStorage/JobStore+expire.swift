package import Jobs
package import Postgres

extension JobStore {
    /// What a worker knows of time when it ends leases: see `LeaseWatch`.
    package struct Watched: Sendable {
        /// The database's clock now, as it must be if nobody has set it: a lower bound.
        package let now: Timestamp
        /// For how many seconds every living worker could have renewed its leases.
        package let seconds: Double

        package init(now: Timestamp, seconds: Double) {
            self.now = now
            self.seconds = seconds
        }
    }

    /// What came of a look for leases that are over.
    package struct Expiry: Sendable {
        /// Jobs that wait again, to be announced.
        package fileprivate(set) var waiting: [JobID] = []
        /// Jobs that have lost their worker too often.
        package fileprivate(set) var failed: [JobID] = []
        /// How many leases are over and were left: their row is locked, their worker could not have renewed them yet, or there
        /// were more than `limit`.
        package fileprivate(set) var left: Int64 = 0
    }

    /// Ends the claims whose lease is over: their worker is lost. The jobs wait again, written down as not yet announced;
    /// one that has lost its worker JOB_MAX_LOSSES times is failed.
    ///
    /// A lease is over if its end is before both the watched time and the database's clock; or if its end is further ahead than
    /// the lease is long, since then the clock was set back. Both count only if this worker has watched for at least as long
    /// as the lease. So whatever the database's clock does, and however long the database was away, a worker that lives
    /// renews first.
    /// - Parameters:
    ///   - lease: JOB_LEASE in seconds, for claims of a release that did not write down their own.
    ///   - since: leases that ended before this moment are not looked for.
    package func expire(
        watched: Watched, lease: Int, maxLosses: Int, since: Timestamp, limit: Int, announcer: inout AnnouncerID
    ) throws(PostgresError) -> Expiry {
        let rows = try executeAnnouncing(JobStore.expiring, &announcer) {
            $0.add(Int32(maxLosses))
            $0.add(Int64(limit))
            $0.add(watched.now.microseconds)
            $0.add(watched.seconds)
            $0.add(Double(lease))
            $0.add(since.microseconds)
        }
        var expiry = Expiry()
        for row in 0..<rows.count {
            let id = JobID(rawValue: rows.int64(row, 0))
            if rows.isNull(row, 1) {
                expiry.left = rows.int64(row, 0)
            } else if rows.bool(row, 1) {
                expiry.failed.append(id)
            } else {
                expiry.waiting.append(id)
            }
        }
        return expiry
    }

    /// `statement_timestamp()` bounds the reading of the index. `clock_timestamp()` is asked for each row that is ahead: a
    /// statement that stood still for a while must not take a lease that was renewed meanwhile for one of the future.
    ///
    /// `coalesce`, so that rows which are looked at again by their keys are not sought in all of `jobs_lease_idx`, which the
    /// condition alone would allow: with 300 000 dead entries 65 ms instead of none.
    private static let expiring = Statement(
        "expire",
        """
        WITH late AS MATERIALIZED (
            SELECT id FROM jobs
            WHERE status = 'running' AND lease_expires_at >= $7::timestamptz AND \(isLate) AND \(isWatched)
            ORDER BY lease_expires_at LIMIT $3::bigint
        ), unwatched AS MATERIALIZED (
            SELECT count(*) FROM jobs
            WHERE $5::float8 < \(longestLease)
              AND status = 'running' AND lease_expires_at >= $7::timestamptz AND \(isLate) AND NOT \(isWatched)
        ), ahead AS MATERIALIZED (
            SELECT id FROM jobs
            WHERE status = 'running' AND lease_expires_at > statement_timestamp() + make_interval(secs => $6::float8)
              AND \(isAhead) AND \(isWatched)
            ORDER BY lease_expires_at DESC LIMIT $3::bigint
        ), expired AS MATERIALIZED (
            SELECT id, lost + 1 >= $2::integer AS is_last, coalesce(\(wasLocked), false) AS was_locked FROM jobs
            WHERE id = ANY (ARRAY(SELECT id FROM late UNION ALL SELECT id FROM ahead))
              AND status = 'running' AND coalesce(\(isLate) OR \(isAhead), false)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), prolonged AS (
            UPDATE jobs SET lease_expires_at = clock_timestamp() + make_interval(secs => coalesce(lease, $6::float8))
            WHERE id = ANY (ARRAY(SELECT id FROM expired WHERE was_locked))
            RETURNING id
        ), ended AS (
            UPDATE jobs
            SET lost = lost + 1,
                claim = NULL,
                lease = NULL,
                lease_expires_at = NULL,
                status = CASE WHEN is_last THEN 'failed' ELSE 'created' END,
                start_time = CASE WHEN is_last THEN start_time END,
                end_time = CASE WHEN is_last THEN timezone('utc', clock_timestamp()) END,
                message = CASE WHEN is_last THEN format('job lost its worker %s times, the most that is allowed', lost + 1) END
            FROM expired
            WHERE jobs.id = expired.id AND NOT was_locked
            RETURNING jobs.id, is_last
        ), \(announcing("ended WHERE NOT is_last"))
        SELECT id, is_last FROM ended
        UNION ALL
        SELECT count + (SELECT count(*) FROM late) + (SELECT count(*) FROM ahead) - (SELECT count(*) FROM ended), NULL
        FROM unwatched
        """)

    /// The longest JOB_LEASE, in seconds.
    private static let longestLease = 3600

    private static let isLate = "lease_expires_at < least($4::timestamptz, statement_timestamp())"

    /// A shorter lease than this worker's own: its watch may have overlooked a gap of half its own.
    private static let isWatched = """
        (coalesce(lease, $6::float8) <= $5::float8
               AND (coalesce(lease, $6::float8) >= $6::float8
                    OR lease_expires_at < least($4::timestamptz, statement_timestamp()) - make_interval(secs => $6::float8 / 2)
                    OR lease_expires_at > statement_timestamp()))
        """

    /// It ended so long ago, within the time that was watched, that an earlier turn would have dealt with it: the row was locked,
    /// and nobody could renew it. It gets one lease more.
    private static let wasLocked = """
        (lease_expires_at < $4::timestamptz - make_interval(secs => \(turnLimit))
                   AND lease_expires_at > $4::timestamptz - make_interval(secs => $5::float8))
        """

    /// In seconds: the longest from one turn to the next.
    private static let turnLimit = 10

    private static let isAhead = """
        lease_expires_at > greatest($4::timestamptz, clock_timestamp()) + make_interval(secs => coalesce(lease, \(longestLease)) + 1)
        """
}
