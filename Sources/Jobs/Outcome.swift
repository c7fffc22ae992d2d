/// How a claimed job ended.
package struct Outcome: Sendable, Equatable {
    /// The most of a message that is kept, in bytes of UTF-8.
    package static let messageLimit = 4096

    package let claim: Claim
    /// nil for success.
    package let failure: String?

    package static func success(_ claim: Claim) -> Outcome { Outcome(claim: claim, failure: nil) }

    /// - Parameter message: what a person needs to know. Its end is kept where it is too long, and NUL, which PostgreSQL's
    ///   text can't hold, becomes U+FFFD.
    package static func failed(_ claim: Claim, message: String) -> Outcome {
        Outcome(claim: claim, failure: stored(message))
    }

    package var status: JobStatus { failure == nil ? .success : .failed }

    private static func stored(_ message: String) -> String {
        let scalars = message.unicodeScalars
        var (start, room) = (scalars.endIndex, messageLimit)
        while start > scalars.startIndex {
            let previous = scalars.index(before: start)
            room -= scalars[previous] == "\0" ? 3 : UTF8.width(scalars[previous])
            if room < 0 { break }
            start = previous
        }
        var kept = String.UnicodeScalarView()
        for scalar in scalars[start...] { kept.append(scalar == "\0" ? "\u{FFFD}" : scalar) }
        return String(kept)
    }
}
