internal import Jobs

/// Finished jobs that were asked for. They never change again, so they are answered without PostgreSQL.
///
/// Each is kept in the one slot that its id has, until another takes the slot or everything is dropped: an operator may delete
/// old jobs, or restore a database, which may give their ids to other jobs.
struct FinishedJobs {
    static let capacity = 4096
    /// The longest message that is kept, in bytes: with full slots a loop holds some 2 MiB.
    static let messageLimit = 256
    /// How long a job may be answered from here; clients are told the same.
    static let lifetime: Duration = .seconds(60)

    private var slots: [JobRecord?] = Array(repeating: nil, count: capacity)
    private var highest = JobID(rawValue: 0)
    private var generation = 0
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
            highest = max(highest, record.id)
        }
    }

    /// Drops everything when it has been kept long enough.
    mutating func dropExpired(now: ContinuousClock.Instant = .now) {
        guard now >= dropAt else { return }
        dropAt = now + FinishedJobs.lifetime
        dropAll()
    }

    /// Drops everything where a new connection was made: it may lead to another database, or to an older state of this one.
    /// - Parameter generation: the database's.
    /// - Returns: whether a new connection was made.
    @discardableResult
    mutating func dropWhereDatabaseChanged(_ generation: Int) -> Bool {
        guard generation != self.generation else { return false }
        self.generation = generation
        dropAll()
        return true
    }

    /// Drops everything where a job was made whose id is not above all that are kept: ids are given again.
    mutating func dropWhereIDsBeganAgain(_ created: JobID) {
        if created <= highest { dropAll() }
    }

    private mutating func dropAll() {
        highest = JobID(rawValue: 0)
        slots = Array(repeating: nil, count: FinishedJobs.capacity)
    }

    private static func slot(of id: JobID) -> Int { Int(truncatingIfNeeded: id.rawValue) & (capacity - 1) }
}
