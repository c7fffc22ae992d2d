package import Jobs
package import Postgres

extension JobStore {
    /// Claims up to `limit` of the jobs that wait, for when there is no stream to tell which: first those that were claimed
    /// before, then the others, oldest first.
    /// - Parameter fromBeginning: looks below `waiting_from` too, where only a job can be whose creation took many seconds to
    ///   commit. Behind a long snapshot this reads every job since that began.
    package func claimWaiting(limit: Int, lease: Int, fromBeginning: Bool) throws(PostgresError) -> [Claim] {
        let rows = try executeClaiming(JobStore.claimingWaiting) { parameters, token in
            parameters.add(Int64(limit))
            parameters.add(Double(lease))
            parameters.add(token)
            parameters.add(fromBeginning ? 0 : nil)
        }
        return (0..<rows.count).map { Claim(rows, $0, from: 0) }
    }

    /// Runs a statement that claims jobs, under a new token. Where its answer is lost the token is kept for `recover`.
    func executeClaiming(
        _ statement: Statement, _ addParameters: (_ parameters: inout Parameters, _ token: Int64) -> Void
    ) throws(PostgresError) -> Rows {
        let token = Int64.random(in: .min ... .max)
        parameters.removeAll()
        addParameters(&parameters, token)
        do throws(PostgresError) { return try database.attempt(statement, parameters) } catch {
            if error.kind != .server { unanswered[token] = .now }
            throw error
        }
    }

    /// The claims of statements whose answer was lost, each once. A statement may still be committing: it is asked again for as
    /// long as such a claim would hold.
    /// - Parameter lease: JOB_LEASE, in seconds.
    package func recover(lease: Int) throws(PostgresError) -> [Claim] {
        let oldest = ContinuousClock.now - .seconds(lease)
        unanswered = unanswered.filter { $0.value > oldest }
        guard hasUnanswered else { return [] }
        parameters.removeAll()
        parameters.add(Array(unanswered.keys))
        let rows = try database.execute(JobStore.recovering, parameters)
        let claims = (0..<rows.count).map { Claim(rows, $0, from: 0) }
        for claim in claims { unanswered[claim.token] = nil }
        return claims
    }

    /// Whether there may be claims that nobody holds.
    package var hasUnanswered: Bool { !unanswered.isEmpty }

    /// Reads the jobs that run: there is no index of tokens, which every claim would have to pay for.
    private static let recovering = Statement(
        "recover",
        """
        SELECT id, object_id, attempt, claim FROM jobs
        WHERE status = 'running' AND lease_expires_at >= statement_timestamp() AND claim = ANY ($1::bigint[])
        """)

    private static let claimingWaiting = Statement(
        "claim_waiting",
        """
        WITH again AS MATERIALIZED (
            SELECT id FROM jobs WHERE status = 'created' AND attempt > 0
            ORDER BY attempt, id LIMIT $1::bigint FOR NO KEY UPDATE SKIP LOCKED
        ), new AS MATERIALIZED (
            SELECT id FROM jobs
            WHERE status = 'created' AND attempt = 0
              AND id >= coalesce($4::bigint, (SELECT waiting_from FROM reconciliation))
            ORDER BY id LIMIT $1::bigint - (SELECT count(*) FROM again) FOR NO KEY UPDATE SKIP LOCKED
        )
        \(claim(token: "$3::bigint", lease: "$2::float8"))
        WHERE id = ANY (ARRAY(SELECT id FROM again UNION ALL SELECT id FROM new))
        RETURNING id, object_id, attempt, claim
        """)
}

extension Claim {
    /// - Parameter first: the column of the id; object_id, attempt and claim follow it.
    init(_ rows: borrowing Rows, _ row: Int, from first: Int) {
        self.init(
            id: JobID(rawValue: rows.int64(row, first)), objectID: ObjectID(rawValue: rows.int32(row, first + 1)),
            attempt: rows.int32(row, first + 2), token: rows.int64(row, first + 3))
    }

}

extension Array {
    /// The elements in the order of their jobs' ids, as a statement needs its keys, with one claim of each job. A worker may hold
    /// two of a job, the older of which is lost; after a restore attempts do not tell which.
    func oneForEachJob(_ claim: (Element) -> Claim) -> (first: [Element], others: [Element]) {
        var (first, others): ([Element], [Element]) = ([], [])
        first.reserveCapacity(count)
        // The newest attempt of a job comes first.
        for element in sorted(by: { (claim($0).id, claim($1).attempt) < (claim($1).id, claim($0).attempt) }) {
            if let last = first.last, claim(last).id == claim(element).id {
                others.append(element)
            } else {
                first.append(element)
            }
        }
        return (first, others)
    }
}
