package import Jobs
package import Postgres

extension JobStore {
    /// Makes a job for each object that has none in the window, and tells for all of them which one it is.
    ///
    /// Committed when it returns. The new jobs are written down under `announcer` as not yet announced.
    /// - Parameters:
    ///   - objects: in any order; doubles are asked for once.
    ///   - window: JOB_DEDUP_WINDOW, in seconds.
    /// - Returns: the answer for each object; none for an object whose window is over and whose row somebody has locked.
    package func create(
        _ objects: [ObjectID], window: Int, announcer: inout AnnouncerID
    ) throws(PostgresError) -> [ObjectID: Creation] {
        var creations: [ObjectID: Creation] = [:]
        creations.reserveCapacity(objects.count)
        var wanted = objects.map(\.rawValue).sortedAndDistinct()
        if !lockedWindows.isEmpty { try leaveOutLocked(&wanted, among: lockedWindows, window) }
        do throws(PostgresError) {
            try create(wanted, window, &announcer, into: &creations)
        } catch {
            guard error.isLockTimeout else { throw error }
            try leaveOutLocked(&wanted, among: Set(wanted), window)
            try create(wanted, window, &announcer, into: &creations)
        }
        let count = wanted.count
        while creations.count < count {
            // Lost to a concurrent batch that committed after the statement began: only a new one sees its jobs. Should it
            // make jobs after all, they must not replace what the first has written down.
            wanted.removeAll { creations[ObjectID(rawValue: $0)] != nil }
            var other = AnnouncerID.random()
            try create(wanted, window, &other, into: &creations)
        }
        return creations
    }

    /// Takes out of `wanted` what would wait for somebody's lock, and with it all the others of the batch.
    private func leaveOutLocked(
        _ wanted: inout [Int32], among suspects: Set<Int32>, _ window: Int
    ) throws(PostgresError) {
        let suspects = wanted.filter { suspects.contains($0) }
        guard !suspects.isEmpty else { return }
        parameters.removeAll()
        parameters.add(suspects)
        parameters.add(Double(window))
        let rows = try database.execute(JobStore.findingLockedWindows, parameters)
        let locked = Set((0..<rows.count).map { rows.int32($0, 0) })
        lockedWindows.subtract(suspects)
        lockedWindows.formUnion(locked)
        wanted.removeAll { locked.contains($0) }
    }

    private func create(
        _ wanted: [Int32], _ window: Int, _ announcer: inout AnnouncerID, into creations: inout [ObjectID: Creation]
    ) throws(PostgresError) {
        let rows = try executeAnnouncing(JobStore.creating, &announcer) {
            $0.add(wanted)
            $0.add(Double(window))
        }
        for row in 0..<rows.count {
            let objectID = ObjectID(rawValue: rows.int32(row, 0))
            creations[objectID] = Creation(
                id: JobID(rawValue: rows.int64(row, 1)), objectID: objectID, isNew: rows.bool(row, 2))
        }
    }

    /// Looks first: a rejected upsert would still lock its row, write WAL and burn a number of the sequence. What is then
    /// left is inserted, or replaces a window that is over. Under a race exactly one batch gets a row back for an object.
    ///
    /// `clock_timestamp()`, since `now()` is the moment before a wait for another batch's lock.
    private static let creating = Statement(
        "create",
        """
        WITH looked_up AS MATERIALIZED (
            SELECT wanted.object_id, (
                SELECT windows.job_id FROM windows
                WHERE windows.object_id = wanted.object_id
                  AND \(isOpen("$3::float8"))
            ) AS job_id
            FROM unnest($2::integer[]) AS wanted (object_id)
        ), opened AS (
            INSERT INTO windows (object_id, job_id, created_at)
            SELECT object_id, nextval('jobs_id_seq'), clock_timestamp() FROM looked_up WHERE job_id IS NULL
            ON CONFLICT (object_id) DO UPDATE SET job_id = excluded.job_id, created_at = clock_timestamp()
            WHERE NOT \(isOpen("$3::float8"))
            RETURNING object_id, job_id, created_at
        ), inserted AS (
            INSERT INTO jobs (id, object_id, status, created_at)
            SELECT job_id, object_id, 'created', timezone('utc', created_at) FROM opened
        ), \(announcing("opened", id: "job_id"))
        SELECT object_id, job_id, false FROM looked_up WHERE job_id IS NOT NULL
        UNION ALL
        SELECT object_id, job_id, true FROM opened
        """)

    /// A window that begins in the future was made before the database's clock was set back. It counts as long as it begins at
    /// most one window ahead; one that begins later would last for longer than anybody expects.
    private static func isOpen(_ window: String) -> String {
        """
        (windows.created_at > clock_timestamp() - make_interval(secs => \(window))
                    AND windows.created_at <= clock_timestamp() + make_interval(secs => \(window)))
        """
    }

    private static let findingLockedWindows = Statement(
        "find_locked_windows",
        """
        WITH free AS MATERIALIZED (
            SELECT object_id FROM windows WHERE object_id = ANY ($1::integer[])
            ORDER BY object_id FOR NO KEY UPDATE SKIP LOCKED
        )
        SELECT object_id FROM windows
        WHERE object_id = ANY ($1::integer[]) AND object_id <> ALL (ARRAY(SELECT object_id FROM free))
          AND NOT \(isOpen("$2::float8"))
        """)
}
