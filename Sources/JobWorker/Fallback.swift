internal import Service
internal import Synchronization

/// Whether jobs are looked for in PostgreSQL too: while Redis is away, or takes nothing, and until the reconciler has
/// announced what was committed meanwhile. All of a worker's threads that talk to Redis tell it.
final class Fallback: Sendable {
    /// What was not announced waits so long at the most.
    static let duration: Duration = .seconds(10)

    private let end = Atomic(Int64.min)

    /// Redis has just failed.
    func extend() { end.store(Deadline(after: Fallback.duration).nanoseconds, ordering: .relaxed) }

    var isOn: Bool { !Deadline(nanoseconds: end.load(ordering: .relaxed)).hasPassed }
}
