package import Jobs
package import Postgres

extension JobStore {
    /// A page of all jobs that wait, in rising order after `id`.
    package func waiting(after id: JobID, limit: Int) throws(PostgresError) -> [JobID] {
        parameters.removeAll()
        parameters.add(id.rawValue)
        parameters.add(Int64(limit))
        return try jobIDs(JobStore.listingWaiting)
    }

    /// Jobs that wait and were created more than `age` seconds ago.
    /// - Parameter fromBeginning: as in `claimWaiting`.
    package func waitingLong(age: Double, limit: Int, fromBeginning: Bool) throws(PostgresError) -> [JobID] {
        parameters.removeAll()
        parameters.add(age)
        parameters.add(Int64(limit))
        parameters.add(fromBeginning ? 0 : nil)
        return try jobIDs(JobStore.listingWaitingLong)
    }

    /// Those of the jobs that wait.
    package func stillWaiting(_ ids: [JobID]) throws(PostgresError) -> [JobID] {
        parameters.removeAll()
        parameters.add(ids.map(\.rawValue).sortedAndDistinct())
        return try jobIDs(JobStore.checkingWaiting)
    }

    /// Raises `waiting_from` over at most `ids` ids.
    ///
    /// It stays below what was created a moment ago: a job with a smaller id may still be about to be committed.
    /// - Returns: whether it may be raised further at once.
    package func raiseWaitingFrom(over ids: Int64) throws(PostgresError) -> Bool {
        parameters.removeAll()
        parameters.add(ids)
        parameters.add(JobStore.commitLimit)
        let rows = try database.execute(JobStore.raisingWaitingFrom, parameters)
        return rows.count == 1 && rows.bool(0, 0)
    }

    /// How long a statement that creates jobs may take to commit, in seconds.
    private static let commitLimit = 10.0

    private func jobIDs(_ statement: Statement) throws(PostgresError) -> [JobID] {
        let rows = try database.execute(statement, parameters)
        return (0..<rows.count).map { JobID(rawValue: rows.int64($0, 0)) }
    }

    private static let listingWaiting = Statement(
        "list_waiting",
        "SELECT id FROM jobs WHERE status = 'created' AND id > $1::bigint ORDER BY id LIMIT $2::bigint")

    private static let listingWaitingLong = Statement(
        "list_waiting_long",
        """
        (SELECT id FROM jobs WHERE status = 'created' AND attempt > 0 AND \(isOld)
         ORDER BY attempt, id LIMIT $2::bigint)
        UNION ALL
        (SELECT id FROM jobs
         WHERE status = 'created' AND attempt = 0 AND \(isOld)
           AND id >= coalesce($3::bigint, (SELECT waiting_from FROM reconciliation))
         ORDER BY id LIMIT $2::bigint)
        LIMIT $2::bigint
        """)

    /// Or created in the future, before the clock was set back.
    private static let isOld = """
        (created_at < timezone('utc', statement_timestamp() - make_interval(secs => $1::float8))
         OR created_at > timezone('utc', statement_timestamp()))
        """

    private static let checkingWaiting = Statement(
        "check_waiting",
        "SELECT id FROM jobs WHERE id = ANY ($1::bigint[]) AND status = 'created' ORDER BY id")

    /// `reached` is the last job within the range, or the first after a gap in the ids.
    private static let raisingWaitingFrom = Statement(
        "raise_waiting_from",
        """
        WITH reached AS MATERIALIZED (
            SELECT waiting_from, (
                SELECT id FROM jobs
                WHERE id = coalesce(
                    (SELECT id FROM jobs WHERE id >= waiting_from AND id < waiting_from + $1::bigint ORDER BY id DESC LIMIT 1),
                    (SELECT id FROM jobs WHERE id >= waiting_from + $1::bigint ORDER BY id LIMIT 1))
                  AND created_at < timezone('utc', statement_timestamp() - make_interval(secs => $2::float8))
            ) AS id
            FROM reconciliation
        ), raised AS MATERIALIZED (
            SELECT waiting_from, coalesce(first, id + 1) AS id, first IS NULL AS is_clear
            FROM reached CROSS JOIN LATERAL (
                SELECT (
                    SELECT id FROM jobs
                    WHERE status = 'created' AND attempt = 0 AND id >= reached.waiting_from AND id <= reached.id
                    ORDER BY id LIMIT 1
                ) AS first
            ) AS waiting
        )
        UPDATE reconciliation SET waiting_from = raised.id
        FROM raised
        WHERE raised.id > reconciliation.waiting_from AND reconciliation.waiting_from = raised.waiting_from
        RETURNING raised.is_clear
        """)
}
