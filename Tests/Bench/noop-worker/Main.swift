internal import Glibc
internal import JobWorker

/// Does nothing, or sleeps for `NOOP_SLEEP_MS`: what is left is what the worker itself costs.
struct Noop: JobHandler {
    let pause = getenv("NOOP_SLEEP_MS").flatMap { Int(String(cString: $0)) } ?? 0

    func run(_ job: Job) async throws {
        if pause > 0 { try await Task.sleep(for: .milliseconds(pause)) }
    }
}

@main
enum Main {
    static func main() { Worker.run(Noop()) }
}
