/// What is wrong with a request, as its sender is told.
package struct RequestFault: Error, Equatable {
    /// The HTTP status: 400, or 422 where the JSON is right and its number out of range.
    package let status: Int
    /// A sentence for a person, without a full stop. What it repeats of the request is short and printable ASCII.
    package let detail: String

    package init(status: Int, detail: String) {
        self.status = status
        self.detail = detail
    }

    /// The body is not JSON, or not the JSON that is asked for.
    package static func badRequest(_ detail: String) -> RequestFault { RequestFault(status: 400, detail: detail) }
}
