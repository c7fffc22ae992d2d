package import JobStorage
package import Jobs

extension JobStore {
    package func claim(_ ids: [JobID], lease: Int) throws -> [Claim] { try exchange([], for: ids, lease: lease).claims }

    package func finish(_ outcomes: [Outcome]) throws -> Set<Claim> {
        try exchange(outcomes, for: [], lease: 10).finished
    }

    /// Creates a job for each of the objects from 1 to `count`; their ids, in rising order.
    package func jobs(_ count: Int32) throws -> [JobID] {
        var announcer = AnnouncerID.random()
        let objects = (1...count).map { ObjectID(rawValue: $0) }
        return try create(objects, window: 300, announcer: &announcer).values.map(\.id).sorted()
    }

    /// Everything in the outbox that is older than `age` seconds.
    package func unannounced(age: Double, limit: Int) throws -> [Unannounced] {
        try unannounced(age: age, since: .distantPast, limit: limit)
    }

    /// Ends the leases that are over, as a worker does that has watched for as long as any lease lasts.
    /// - Parameter ahead: how far the time that was watched is ahead of the database's clock, in seconds.
    package func expire(
        watchedFor seconds: Double = 3600, ahead: Double = 0, lease: Int = 10, maxLosses: Int = 5
    ) throws -> Expiry {
        var announcer = AnnouncerID.random()
        let now = try renew([], lease: lease).now.microseconds + Int64(ahead * 1e6)
        return try expire(
            watched: Watched(now: Timestamp(microseconds: now), seconds: seconds), lease: lease, maxLosses: maxLosses,
            since: .distantPast, limit: 100, announcer: &announcer)
    }
}

extension Timestamp {
    /// `-infinity`
    package static let distantPast = Timestamp(microseconds: .min)
}
