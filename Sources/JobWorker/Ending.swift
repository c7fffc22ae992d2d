internal import Jobs

/// What a run of a handler came to.
enum Ending: Sendable, Equatable {
    case succeeded
    case failed(message: String)
    /// It was stopped for a shutdown before it was through: to be handed back.
    case interrupted
    /// Its claim was lost: nothing is to be written.
    case lost
}

/// Why a running job is told to stop.
enum StopReason: Sendable, Equatable {
    case timeout
    case shutdown
    case lostClaim
}

extension Ending {
    /// - Parameters:
    ///   - failure: what the handler threw, in words; nil where it returned.
    ///   - stop: why it was told to stop, where it was.
    ///   - timeout: JOB_TIMEOUT, in seconds.
    init(failure: String?, stop: StopReason?, timeout: Int) {
        self =
            switch (stop, failure) {
            case (.lostClaim, _): .lost
            case (.timeout, _): .failed(message: "job exceeded the timeout of \(timeout) s")
            case (.shutdown, .some): .interrupted
            case (nil, let failure?): .failed(message: failure)
            case (_, nil): .succeeded
            }
    }

    /// What is to be written; nil where nothing is.
    func outcome(of claim: Claim) -> Outcome? {
        switch self {
        case .succeeded: .success(claim)
        case .failed(let message): .failed(claim, message: message)
        case .interrupted, .lost: nil
        }
    }
}
