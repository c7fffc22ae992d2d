package import Jobs
package import Postgres

extension JobStore {
    /// The jobs of these numbers; a number that no job has is left out.
    package func find(_ ids: [JobID]) throws(PostgresError) -> [JobID: JobRecord] {
        parameters.removeAll()
        parameters.add(ids.map(\.rawValue).sortedAndDistinct())
        let rows = try database.execute(JobStore.finding, parameters)
        var records: [JobID: JobRecord] = [:]
        records.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let record = JobRecord(rows, row)
            records[record.id] = record
        }
        return records
    }

    private static let finding = Statement(
        "find",
        """
        SELECT id, object_id, status, start_time, end_time, message, created_at
        FROM jobs WHERE id = ANY ($1::bigint[])
        """)
}

extension JobRecord {
    fileprivate init(_ rows: borrowing Rows, _ row: Int) {
        self.init(
            id: JobID(rawValue: rows.int64(row, 0)),
            objectID: ObjectID(rawValue: rows.int32(row, 1)),
            // A status that only a newer release knows is one that this release still waits for.
            status: rows.text(row, 2).flatMap(JobStatus.init) ?? .running,
            startTime: rows.timestamp(row, 3).map(Timestamp.init),
            endTime: rows.timestamp(row, 4).map(Timestamp.init),
            message: rows.text(row, 5),
            createdAt: Timestamp(microseconds: rows.int64(row, 6)))
    }
}
