internal import Jobs

/// Finished jobs that were asked for. They never change again, so they are answered without PostgreSQL.
///
/// Each is kept in the one slot that its id has, until another takes the slot or everything is dropped: an operator may delete
/// old jobs, or restore a database.
struct FinishedJobs {
    static let capacity = 4096
    /// The longest message that is kept, in bytes: with full slots a loop holds some 2 MiB.
    static let messageLimit = 256
    /// How long a job may be answered from here; clients are told the same.
    static let lifetime: Duration = .seconds(60)

    private var slots: [JobRecord?] = Array(repeating: nil, count: capacity)
    private var dropAt = ContinuousClock.now + lifetime

    subscript(id: JobID) -> JobRecord? {
        guard let record = slots[FinishedJobs.slot(of: id)], record.id == id else { return nil }
        return record
    }

    /// Keeps what is finished.
    mutating func keep(_ records: some Collection<JobRecord>) {
        for record in records
        where record.endTime != nil && record.message?.utf8.count ?? 0 <= FinishedJobs.messageLimit {
            slots[FinishedJobs.slot(of: record.id)] = record
        }
    }

    /// Drops everything when it has been kept long enough.
    mutating func dropExpired(now: ContinuousClock.Instant = .now) {
        guard now >= dropAt else { return }
        dropAt = now + FinishedJobs.lifetime
        slots = Array(repeating: nil, count: FinishedJobs.capacity)
    }

    private static func slot(of id: JobID) -> Int { Int(truncatingIfNeeded: id.rawValue) & (capacity - 1) }
}
