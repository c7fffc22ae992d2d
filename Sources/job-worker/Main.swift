internal import JobWorker

/// Runs JOB_COMMAND for each job.
@main
enum Main {
    static func main() { Worker.runFromEnvironment() }
}
