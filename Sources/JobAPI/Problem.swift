/// An error as a client sees it: RFC 9457's `application/problem+json`, and the header that goes with it.
struct Problem: Error, Sendable, Equatable {
    let status: Status
    let detail: String
    /// A whole header line besides the usual ones: `Allow: …`, `Retry-After: …`.
    var header: String?

    static let notFound = Problem(status: .notFound, detail: "there is nothing at this path")

    static func methodNotAllowed(_ allowed: StaticString) -> Problem {
        Problem(status: .methodNotAllowed, detail: "this path takes \(allowed)", header: "Allow: \(allowed)")
    }

    static func unavailable(_ detail: String) -> Problem {
        Problem(status: .serviceUnavailable, detail: detail, header: "Retry-After: 1")
    }
}
