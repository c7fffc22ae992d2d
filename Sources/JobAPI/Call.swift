internal import Jobs

/// What a request asks for.
enum Call: Sendable, Equatable {
    case create(ObjectID)
    case find(JobID)
    /// Does this process answer?
    case health
    /// Can the service do its work?
    case readiness
    case refuse(Problem)
    /// It ended too early: there is nobody to answer.
    case brokenOff
}
