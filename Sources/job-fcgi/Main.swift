internal import Glibc
internal import JobAPI
internal import Service

/// Answers HTTP requests that a web server hands over by FastCGI.
@main
enum Main {
    static func main() {
        Signals.block()
        // Each connection of nginx holds one.
        DescriptorLimit.raise()
        var environment = Environment()
        let settings = Settings(&environment)
        let log = Log(label: "job-fcgi", level: settings.logLevel)
        environment.exitOnFault(log: log)
        do {
            let stop = try Wakeup()
            try Signals.watchForShutdown { _ in stop.signal() }
            try Server(settings, log: log).run(until: stop)
        } catch {
            log.critical("cannot serve", ["error": "\(error)"])
            exit(ExitCode.software)
        }
    }
}
