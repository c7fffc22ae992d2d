/// Waits until a condition holds; throws where it does not before the deadline. Tests wait with it, and never sleep and hope.
package func eventually(
    within limit: Duration = .seconds(10), _ what: String = "the condition", _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestFailure("\(what) did not come true within \(limit)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
