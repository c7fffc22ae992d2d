package import Jobs
package import Postgres

/// The answer to an exchange.
package struct Exchange: Sendable {
    /// The claims whose outcome is written now. One that is in neither set is no longer the job's, or was written before.
    package fileprivate(set) var finished: Set<Claim> = []
    /// The new claims.
    package fileprivate(set) var claims: [Claim] = []
    /// Outcomes that are to be said again: somebody has locked the row, or PostgreSQL refuses the value.
    package fileprivate(set) var deferredOutcomes: Set<Claim> = []
    /// Jobs that wait and could not be claimed, since somebody has locked the row.
    package fileprivate(set) var deferredJobs: Set<JobID> = []
    /// Why PostgreSQL refused an outcome.
    package fileprivate(set) var refusal: PostgresError?

    fileprivate mutating func add(_ other: Exchange) {
        finished.formUnion(other.finished)
        claims += other.claims
        deferredOutcomes.formUnion(other.deferredOutcomes)
        deferredJobs.formUnion(other.deferredJobs)
        refusal = refusal ?? other.refusal
    }
}

extension JobStore {
    /// Writes how claimed jobs ended, and claims others that wait, in one transaction: a worker at full load commits once a
    /// batch, and never holds both.
    ///
    /// A locked row, or a value that PostgreSQL refuses, costs only its own job: it is deferred, the others are written. Where
    /// the answer is lost, `recover` finds the claims that were made.
    /// - Parameters:
    ///   - outcomes: one for each claim.
    ///   - ids: of these, what does not wait (finished, running elsewhere, unknown) is left out.
    ///   - lease: JOB_LEASE, in seconds.
    package func exchange(
        _ outcomes: [Outcome], for ids: [JobID], lease: Int
    ) throws(PostgresError) -> Exchange {
        let (outcomes, others) = outcomes.oneForEachJob(\.claim)
        var exchange: Exchange
        do throws(PostgresError) {
            exchange = try exchangeAtOnce(outcomes, ids, lease)
        } catch {
            guard !outcomes.isEmpty, error.isRefusedValue else { throw error }
            exchange = try finishInParts(outcomes[...], lease)
            if !ids.isEmpty { exchange.add(try exchangeAtOnce([], ids, lease)) }
        }
        exchange.deferredOutcomes.formUnion(others.map(\.claim))
        return exchange
    }

    /// Narrows down which outcome PostgreSQL refuses, by halves.
    private func finishInParts(_ outcomes: ArraySlice<Outcome>, _ lease: Int) throws(PostgresError) -> Exchange {
        do throws(PostgresError) {
            return try exchangeAtOnce(Array(outcomes), [], lease)
        } catch {
            guard error.isRefusedValue else { throw error }
            if outcomes.count == 1 {
                return Exchange(deferredOutcomes: Set(outcomes.map(\.claim)), refusal: error)
            }
        }
        let middle = outcomes.startIndex + outcomes.count / 2
        var exchange = try finishInParts(outcomes[..<middle], lease)
        exchange.add(try finishInParts(outcomes[middle...], lease))
        return exchange
    }

    /// The careful statement is needed only where a row turns out to be locked: it locks each row first, which costs WAL.
    private func exchangeAtOnce(
        _ outcomes: [Outcome], _ ids: [JobID], _ lease: Int
    ) throws(PostgresError) -> Exchange {
        func attempt(_ statement: Statement) throws(PostgresError) -> Exchange {
            Exchange(
                try executeClaiming(statement) { parameters, token in
                    parameters.add(outcomes.map(\.claim.id.rawValue))
                    parameters.add(outcomes.map(\.claim.attempt))
                    parameters.add(outcomes.contains { $0.failure != nil } ? outcomes.map(\.failure) : [])
                    parameters.add(ids.map(\.rawValue).sortedAndDistinct())
                    parameters.add(Double(lease))
                    parameters.add(outcomes.map(\.claim.token))
                    parameters.add(token)
                })
        }
        do throws(PostgresError) { return try attempt(JobStore.exchanging) } catch {
            guard error.isLockTimeout || database.mayTryAgain(after: error) else { throw error }
        }
        return try attempt(JobStore.exchangingCarefully)
    }

    /// Which of these outcomes, that `exchange` left out, were written by an earlier call whose answer was lost: the token of
    /// the claim that ended a job stays with it.
    package func written(_ outcomes: [Outcome]) throws(PostgresError) -> Set<Claim> {
        parameters.removeAll()
        parameters.add(outcomes.map(\.claim.id.rawValue).sortedAndDistinct())
        let rows = try database.execute(JobStore.findingWritten, parameters)
        let written = Set((0..<rows.count).map { Claim(rows, $0, from: 0) })
        return written.intersection(outcomes.map(\.claim))
    }

    private static let findingWritten = Statement(
        "find_written",
        """
        SELECT id, object_id, attempt, claim FROM jobs
        WHERE id = ANY ($1::bigint[]) AND end_time IS NOT NULL AND claim IS NOT NULL
        """)

    private static let exchanging = Statement(
        "exchange",
        """
        WITH finished AS (
            \(finish)
            WHERE id = ANY ($1::bigint[]) AND \(isOutcomesClaim)
            RETURNING id, object_id, attempt, claim
        ), claimed AS (
            \(claim(token: "$7::bigint", lease: "$5::float8"))
            WHERE id = ANY ($4::bigint[]) AND status = 'created'
            RETURNING id, object_id, attempt, claim
        )
        SELECT \(Exchange.Row.finished.sql), * FROM finished
        UNION ALL
        SELECT \(Exchange.Row.claimed.sql), * FROM claimed
        """)

    /// Passes over what is locked, and tells it.
    private static let exchangingCarefully = Statement(
        "exchange_carefully",
        """
        WITH ended AS MATERIALIZED (
            SELECT id FROM jobs WHERE id = ANY ($1::bigint[]) AND \(isOutcomesClaim)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), waiting AS MATERIALIZED (
            SELECT id FROM jobs WHERE id = ANY ($4::bigint[]) AND status = 'created'
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), finished AS (
            \(finish)
            WHERE id = ANY (ARRAY(SELECT id FROM ended))
            RETURNING id, object_id, attempt, claim
        ), claimed AS (
            \(claim(token: "$7::bigint", lease: "$5::float8"))
            WHERE id = ANY (ARRAY(SELECT id FROM waiting))
            RETURNING id, object_id, attempt, claim
        )
        SELECT \(Exchange.Row.finished.sql), * FROM finished
        UNION ALL
        SELECT \(Exchange.Row.claimed.sql), * FROM claimed
        UNION ALL
        SELECT \(Exchange.Row.deferredOutcome.sql), id, object_id, attempt, claim FROM jobs
        WHERE id = ANY ($1::bigint[]) AND \(isOutcomesClaim) AND id <> ALL (ARRAY(SELECT id FROM ended))
        UNION ALL
        SELECT \(Exchange.Row.deferredJob.sql), id, object_id, attempt, 0 FROM jobs
        WHERE id = ANY ($4::bigint[]) AND status = 'created' AND id <> ALL (ARRAY(SELECT id FROM waiting))
        """)

    private static let finish = """
        UPDATE jobs
        SET message = \(place("$3::text[]")),
            status = CASE WHEN \(place("$3::text[]")) IS NULL THEN 'success' ELSE 'failed' END,
            end_time = timezone('utc', clock_timestamp()),
            lease_expires_at = NULL
        """

    private static let isOutcomesClaim = isHeld(attempts: "$2::integer[]", tokens: "$6::bigint[]")
}

extension Exchange {
    /// What a row of the answer is.
    fileprivate enum Row: Int32 {
        case finished, claimed, deferredOutcome, deferredJob

        var sql: String { "\(rawValue)::integer" }
    }

    fileprivate init(_ rows: borrowing Rows) {
        claims.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let claim = Claim(rows, row, from: 1)
            switch Row(rawValue: rows.int32(row, 0)) {
            case .finished: finished.insert(claim)
            case .claimed: claims.append(claim)
            case .deferredOutcome: deferredOutcomes.insert(claim)
            case .deferredJob: deferredJobs.insert(claim.id)
            case nil: break
            }
        }
    }
}
