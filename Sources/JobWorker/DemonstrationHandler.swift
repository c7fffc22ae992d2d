/// What a worker does when it was given nothing to do: it sleeps for half a second to two.
struct DemonstrationHandler: JobHandler {
    func run(_ job: Job) async throws {
        try await Task.sleep(for: .milliseconds(.random(in: 500...2000)))
    }
}
