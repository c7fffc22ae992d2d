internal import JobStorage
internal import Jobs
internal import Postgres
internal import Service

/// Renews the leases of the held jobs, on a thread and a connection of its own, so that neither a busy handler nor a slow
/// statement costs a live worker its claims. It asks PostgreSQL without claims too: the answers keep the `LeaseWatch` unbroken.
struct Heartbeat: Sendable {
    let settings: WorkerSettings
    let held: HeldJobs
    let watch: LeaseWatch
    let health: Health?
    let stop: Wakeup
    let log: Log

    func run() {
        // Three beats a lease. One that failed is said again soon, since a lease must outlast PostgreSQL's absence too.
        let interval: Duration = .milliseconds(settings.lease * 1000 / 3)
        let retry: Duration = min(.milliseconds(500), interval / 10)
        let store = JobStore(
            Database(
                url: settings.databaseURL, name: "job-worker heartbeat", timeout: min(.seconds(3), interval)))
        var outage = Outage(log, away: "no heartbeat", back: "the heart beats again")
        var lost = 0
        var pause = interval
        repeat {
            let claims = held.claims
            do throws(PostgresError) {
                let asked = MonotonicClock.nanoseconds
                let beat = try store.renew(claims, lease: settings.lease)
                watch.note(beat.now, asked: asked)
                outage.ended()
                health?.noteBeat()
                pause = beat.locked.isEmpty ? interval : retry
                let missing = held.lose(Set(claims).subtracting(beat.held))
                guard missing > 0 else { continue }
                lost += missing
                log.warning("lost \(missing) claims: the jobs are another worker's", ["lost": "\(lost)"])
            } catch {
                pause = retry
                outage.began(error)
            }
        } while !stop.wait(until: Deadline(after: pause))
    }
}
