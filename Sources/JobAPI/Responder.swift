internal import FastCGI
internal import JobStorage
internal import Jobs
internal import Postgres
internal import Redis
internal import Service

/// Answers the batches of one loop: one statement for all new jobs, one for all that are asked for.
final class Responder: BatchResponder {
    /// How long without a request before there is time for what no request waits for, in milliseconds; and before the rest of
    /// what the socket to Redis had no room for is sent.
    static let idlePause: Int32 = 1000
    static let sendPause: Int32 = 5
    /// How long a batch waits for somebody's lock on the row of one object.
    static let lockTimeout: Duration = .milliseconds(500)

    private let database: Database
    private let store: JobStore
    private let window: Int
    private let log: Log
    private let reader = RequestReader()
    private var response = Response()
    private var announcements: AnnouncementQueue
    private var finished = FinishedJobs()
    private var readiness = Readiness()
    /// Those of this batch that PostgreSQL was not asked for.
    private var known: [JobID: JobRecord] = [:]
    /// PostgreSQL failed in this batch, perhaps after seconds: it is not asked again, since nginx asks another responder after
    /// 4.5 s.
    private var postgresIsAway = false
    /// Committed in this batch, and not yet announced; and the name under which that is written down.
    private var unannounced: (name: AnnouncerID, ids: [JobID])?
    private var postgresOutage: Outage
    private var redisOutage: Outage

    init(_ settings: Settings, log: Log) {
        database = Database(url: settings.databaseURL, name: "job-fcgi", lockTimeout: Responder.lockTimeout)
        store = JobStore(database)
        let stream = JobStreamWriter(settings.redis) { _ = try Thread.start(name: "redis-connect", $0) }
        announcements = AnnouncementQueue(store: store, stream: stream)
        window = settings.dedupWindow
        self.log = log
        postgresOutage = Outage(log, away: "PostgreSQL is away; requests get a 503", back: "PostgreSQL is back")
        redisOutage = Outage(log, away: "Redis is away; jobs are announced later", back: "Redis is back")
        // What is wrong with the database is said at the start, and not at the first request.
        do throws(PostgresError) { _ = try store.migration() } catch { postgresOutage.began(error) }
    }

    var idleDelay: Int32 {
        if announcements.isSending { return Responder.sendPause }
        return announcements.hasWork ? Responder.idlePause : -1
    }

    func respond(to batch: [Request]) {
        let calls = batch.map { reader.read($0) }
        postgresIsAway = false
        let created = create(calls)
        let found = find(calls)
        let ready = calls.contains(.readiness) ? checkReadiness() : .success([:])
        var answered: Set<ObjectID> = []
        for (request, call) in zip(batch, calls) {
            let withBody = request.bytes(of: "REQUEST_METHOD")?.elementsEqual("HEAD".utf8) != true
            do throws(Problem) {
                switch call {
                case .create(let objectID):
                    let creation = try creation(for: objectID, in: created)
                    // One of the requests for an object made its job, the others found it.
                    let isFirst = creation.isNew && answered.insert(objectID).inserted
                    response.write(creation.id, isNew: isFirst, to: request)
                case .find(let id): write(try record(id, in: found), to: request, withBody: withBody)
                case .health: response.write(.ok, ["status": "ok"], to: request, withBody: withBody)
                case .readiness: response.write(.ok, try ready.get(), to: request, withBody: withBody)
                case .refuse(let problem): throw problem
                case .brokenOff: continue
                }
                log.debug("answered", ["request_id": request.parameter("REQUEST_ID") ?? ""])
            } catch {
                refuse(request, error, withBody: withBody)
            }
        }
    }

    private func creation(
        for objectID: ObjectID, in created: Result<[ObjectID: Creation], Problem>
    ) throws(Problem) -> Creation {
        guard let creation = try created.get()[objectID] else { throw .unavailable("the job was not taken; try again") }
        return creation
    }

    private func write(_ record: JobRecord, to request: Request, withBody: Bool) {
        if let endTime = record.endTime, let header = request.bytes(of: "HTTP_IF_NONE_MATCH"),
            EntityTag.matches(endTime, header)
        {
            response.writeNotModified(endTime, to: request)
        } else {
            response.write(record, to: request, withBody: withBody)
        }
    }

    private func record(_ id: JobID, in found: Result<[JobID: JobRecord], Problem>) throws(Problem) -> JobRecord {
        if let record = known[id] { return record }
        guard let record = try found.get()[id] else {
            throw Problem(status: .notFound, detail: "there is no job \(id)")
        }
        return record
    }

    private func refuse(_ request: Request, _ problem: Problem, withBody: Bool) {
        response.write(problem, to: request, withBody: withBody)
        log.info(
            "refused",
            [
                "status": "\(problem.status.rawValue)", "detail": problem.detail,
                "request_id": request.parameter("REQUEST_ID") ?? "",
            ])
    }

    private func create(_ calls: [Call]) -> Result<[ObjectID: Creation], Problem> {
        let objects = calls.compactMap { if case .create(let id) = $0 { id } else { nil } }
        guard !objects.isEmpty else { return .success([:]) }
        do { if try announcements.collect() { redisOutage.ended() } } catch { redisOutage.began(error) }
        var name = announcements.takeName()
        do throws(PostgresError) {
            let creations = try store.create(objects, window: window, announcer: &name)
            postgresOutage.ended()
            let made = creations.values.filter(\.isNew).map(\.id).sorted()
            unannounced = (name, made)
            if let lowest = made.first { finished.dropWhereIDsBeganAgain(lowest) }
            return .success(creations)
        } catch {
            postgresOutage.began(error)
            postgresIsAway = error.kind != .server
            return .failure(.unavailable("the job could not be stored; try again"))
        }
    }

    private func find(_ calls: [Call]) -> Result<[JobID: JobRecord], Problem> {
        finished.dropExpired()
        database.lookAtConnection()
        finished.dropWhereDatabaseChanged(database.generation)
        known.removeAll(keepingCapacity: true)
        var ids: [JobID] = []
        for case .find(let id) in calls {
            if let record = finished[id] { known[id] = record } else { ids.append(id) }
        }
        guard !ids.isEmpty else { return .success([:]) }
        guard !postgresIsAway else { return .failure(.unavailable("the job could not be read; try again")) }
        do throws(PostgresError) {
            let found = try store.find(ids)
            postgresOutage.ended()
            // What was known may be of another database than what was found.
            if finished.dropWhereDatabaseChanged(database.generation), !known.isEmpty { return find(calls) }
            finished.keep(found.values)
            return .success(found)
        } catch {
            postgresOutage.began(error)
            postgresIsAway = error.kind != .server
            return .failure(.unavailable("the job could not be read; try again"))
        }
    }

    /// PostgreSQL and its migrations are needed; Redis is only reported, since jobs are taken and run without it.
    private func checkReadiness() -> Result<KeyValuePairs<String, String>, Problem> {
        Result { () throws(Problem) in
            let migration = try readiness.migration(now: .now) { () throws(Problem) in
                guard !postgresIsAway else { throw .unavailable("PostgreSQL is not ready") }
                do throws(PostgresError) { return try store.migration() } catch {
                    log.warning("not ready", ["error": error.description])
                    throw .unavailable("PostgreSQL is not ready")
                }
            }
            let redis = redisAnswers() ? "ok" : "unavailable"
            return ["status": "ready", "postgresql": "ok", "migration": "\(migration)", "redis": redis]
        }
    }

    private func redisAnswers() -> Bool {
        do throws(RedisError) { return try announcements.redisAnswers() } catch {
            redisOutage.began(error)
            return false
        }
    }

    /// Announces the batch's jobs, after the clients have their answers: none of them waits for Redis.
    func settle() {
        defer { idle() }
        guard let (name, ids) = unannounced else { return }
        unannounced = nil
        do throws(RedisError) {
            try announcements.announce(ids, under: name)
        } catch {
            redisOutage.began(error)
        }
    }

    func idle() {
        do { if try announcements.strikeOut() { redisOutage.ended() } } catch let error as RedisError {
            redisOutage.began(error)
        } catch {
            log.warning("PostgreSQL did not strike out what was announced", ["error": "\(error)"])
        }
    }
}
