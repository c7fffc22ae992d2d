package import Jobs
package import Postgres

extension JobStore {
    /// The answer to a heartbeat.
    package struct Beat: Sendable {
        /// The claims that hold: their leases began anew, but for those of `locked`.
        package fileprivate(set) var held: Set<Claim> = []
        /// The claims among them whose row somebody has locked: to be renewed soon.
        package fileprivate(set) var locked: Set<Claim> = []
        /// The database's clock.
        package fileprivate(set) var now = Timestamp(microseconds: 0)
    }

    /// The heartbeat: the leases of these claims begin anew. A locked row costs no other claim its lease.
    ///
    /// It commits something in any case, so that its success tells that leases can be renewed, and not only read.
    package func renew(_ claims: [Claim], lease: Int) throws(PostgresError) -> Beat {
        let (claims, others) = claims.oneForEachJob(\.self)
        parameters.removeAll()
        parameters.add(claims.map(\.id.rawValue))
        parameters.add(claims.map(\.attempt))
        parameters.add(claims.map(\.token))
        parameters.add(Double(lease))
        let rows = try database.execute(JobStore.renewing, parameters)
        var beat = Beat()
        for row in 0..<rows.count {
            if let now = rows.timestamp(row, 5) {
                beat.now = Timestamp(microseconds: now)
                continue
            }
            let claim = Claim(rows, row, from: 0)
            beat.held.insert(claim)
            if rows.bool(row, 4) { beat.locked.insert(claim) }
        }
        if !others.isEmpty {
            let second = try renew(others, lease: lease)
            beat.held.formUnion(second.held)
            beat.locked.formUnion(second.locked)
        }
        return beat
    }

    /// Hands jobs back: they wait again, as if they had not been claimed, and are written down as not yet announced.
    /// - Returns: the jobs that wait again, to be announced; and the claims that are to be handed back later, since somebody has
    ///   locked the row.
    package func release(
        _ claims: [Claim], announcer: inout AnnouncerID
    ) throws(PostgresError) -> (waiting: [JobID], locked: Set<Claim>) {
        let (claims, others) = claims.oneForEachJob(\.self)
        let rows = try executeAnnouncing(JobStore.releasing, &announcer) {
            $0.add(claims.map(\.id.rawValue))
            $0.add(claims.map(\.attempt))
            $0.add(claims.map(\.token))
        }
        var (waiting, locked): ([JobID], Set<Claim>) = ([], Set(others))
        for row in 0..<rows.count {
            let claim = Claim(rows, row, from: 0)
            if rows.bool(row, 4) { locked.insert(claim) } else { waiting.append(claim.id) }
        }
        return (waiting, locked)
    }

    private static let renewing = Statement(
        "renew",
        """
        WITH held AS MATERIALIZED (
            SELECT id, object_id, attempt, claim FROM jobs
            WHERE id = ANY ($1::bigint[]) AND \(isHeld(attempts: "$2::integer[]", tokens: "$3::bigint[]"))
        ), free AS MATERIALIZED (
            SELECT id FROM jobs
            WHERE id = ANY ($1::bigint[]) AND \(isHeld(attempts: "$2::integer[]", tokens: "$3::bigint[]"))
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), renewed AS (
            UPDATE jobs
            SET lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8)
            WHERE id = ANY (ARRAY(SELECT id FROM free))
            RETURNING id
        )
        SELECT held.*, id <> ALL (ARRAY(SELECT id FROM renewed)), NULL::timestamptz, NULL::pg_lsn FROM held
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, clock_timestamp(), pg_logical_emit_message(true, 'heartbeat', '')
        """)

    /// The keys are `$2`, since `$1` is the announcer's name.
    private static let releasing = Statement(
        "release",
        """
        WITH held AS MATERIALIZED (
            SELECT id, object_id, attempt, claim FROM jobs
            WHERE id = ANY ($2::bigint[]) AND \(isReleased)
        ), free AS MATERIALIZED (
            SELECT id FROM jobs WHERE id = ANY ($2::bigint[]) AND \(isReleased)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), released AS (
            UPDATE jobs
            SET status = 'created', start_time = NULL, lease = NULL, lease_expires_at = NULL
            WHERE id = ANY (ARRAY(SELECT id FROM free))
            RETURNING id, object_id, attempt, claim
        ), \(announcing("released"))
        SELECT *, false FROM released
        UNION ALL
        SELECT *, true FROM held WHERE id <> ALL (ARRAY(SELECT id FROM free))
        """)

    private static let isReleased = isHeld(attempts: "$3::integer[]", tokens: "$4::bigint[]", keys: "$2::bigint[]")
}
