package import Jobs
package import Postgres

extension JobStore {
    /// Strikes out the last batch of each announcer: all of it is in the stream. The empty row is left to the reconciler.
    package func forget(_ announcers: [AnnouncerID]) throws(PostgresError) {
        parameters.removeAll()
        parameters.add(announcers.map(\.rawValue))
        _ = try database.execute(JobStore.forgetting, parameters)
    }

    /// A batch that was written down and never struck out.
    package struct Unannounced {
        package let announcer: AnnouncerID
        /// Those of its jobs that still wait.
        package let ids: [JobID]
        fileprivate let createdAt: Int64
    }

    /// Batches older than `age` seconds, oldest first: their announcer crashed, had no Redis, or went quiet in the very
    /// moment in which it would have struck them out. And those of the future: they are from before the clock was set back.
    /// - Parameter since: batches that were written down before this moment are not looked for.
    package func unannounced(
        age: Double, since: Timestamp, limit: Int
    ) throws(PostgresError) -> [Unannounced] {
        parameters.removeAll()
        parameters.add(age)
        parameters.add(Int64(limit))
        parameters.add(since.microseconds)
        let rows = try database.execute(JobStore.listingUnannounced, parameters)
        return (0..<rows.count).map { row in
            Unannounced(
                announcer: AnnouncerID(rawValue: rows.int64(row, 0)),
                ids: rows.int64Array(row, 1).map(JobID.init), createdAt: rows.int64(row, 2))
        }
    }

    /// Strikes these batches out, unless their announcer has put a newer one in place.
    package func forget(_ batches: [Unannounced]) throws(PostgresError) {
        parameters.removeAll()
        parameters.add(batches.map(\.announcer.rawValue))
        parameters.add(batches.map(\.createdAt))
        _ = try database.execute(JobStore.forgettingBatches, parameters)
    }

    private static let forgetting = Statement(
        "forget",
        "UPDATE announcements SET job_ids = '{}' WHERE announcer = ANY ($1::bigint[])")

    private static let listingUnannounced = Statement(
        "list_unannounced",
        """
        SELECT announcer, ARRAY(
                   SELECT id FROM jobs WHERE id = ANY (announcements.job_ids) AND status = 'created' ORDER BY id
               ), (extract(epoch FROM created_at) * 1000000)::bigint
        FROM (
            (SELECT * FROM announcements
             WHERE created_at >= $3::timestamptz AND created_at < statement_timestamp() - make_interval(secs => $1::float8)
             ORDER BY created_at LIMIT $2::bigint)
            UNION ALL
            (SELECT * FROM announcements WHERE created_at > statement_timestamp() + interval '1 s'
             ORDER BY created_at LIMIT $2::bigint)
        ) AS announcements
        """)

    private static let forgettingBatches = Statement(
        "forget_batches",
        """
        DELETE FROM announcements USING unnest($1::bigint[], $2::bigint[]) AS done (announcer, created_at)
        WHERE announcements.announcer = done.announcer
          AND (extract(epoch FROM announcements.created_at) * 1000000)::bigint = done.created_at
        """)
}
