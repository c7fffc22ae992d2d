internal import FastCGI
internal import Jobs

/// The response that is being written; one a loop, used again for every request.
struct Response {
    /// Of answers that are about one request, or may be another one the next moment.
    private static let noStore: StaticString = "Cache-Control: no-store\r\n"

    private var head = ByteWriter(capacity: 512)
    private var body = ByteWriter(capacity: 8192)

    /// `201` for a new job, `200` for the one that the object had already.
    mutating func write(_ id: JobID, isNew: Bool, to request: Request) {
        begin(isNew ? .created : .ok, type: "application/json")
        head.append("Location: /v1/jobs/")
        head.append(id.rawValue)
        head.append("\r\n")
        head.append(Response.noStore)
        body.append("{\"job_id\":")
        body.append(id.rawValue)
        body.append("}")
        send(to: request, withBody: true)
    }

    mutating func write(_ record: JobRecord, to request: Request, withBody: Bool) {
        begin(.ok, type: "application/json")
        writeValidity(record.endTime)
        body.append("{\"job_id\":")
        body.append(record.id.rawValue)
        body.append(",\"object_id\":")
        body.append(record.objectID.rawValue)
        body.append(",\"status\":\"")
        body.append(record.status.rawValue)
        body.append("\",\"start_time\":")
        write(record.startTime)
        body.append(",\"end_time\":")
        write(record.endTime)
        body.append(",\"message\":")
        if let message = record.message { body.append(json: message) } else { body.append("null") }
        body.append(",\"created_at\":")
        write(record.createdAt)
        body.append("}")
        send(to: request, withBody: withBody)
    }

    /// `304`: the client has the job as it ended.
    mutating func writeNotModified(_ endTime: Timestamp, to request: Request) {
        head.removeAll()
        writeStatus(.notModified)
        writeValidity(endTime)
        head.append("\r\n")
        head.bytes.withUnsafeBytes { request.write($0) }
    }

    mutating func write(_ problem: Problem, to request: Request, withBody: Bool) {
        begin(problem.status, type: "application/problem+json")
        head.append(Response.noStore)
        if let header = problem.header {
            head.append(header)
            head.append("\r\n")
        }
        body.append("{\"type\":\"about:blank\",\"title\":\"")
        body.append(problem.status.reason)
        body.append("\",\"status\":")
        body.append(problem.status.rawValue)
        body.append(",\"detail\":")
        body.append(json: problem.detail)
        body.append("}")
        send(to: request, withBody: withBody)
    }

    /// A JSON object of strings.
    mutating func write(_ status: Status, _ members: KeyValuePairs<String, String>, to request: Request, withBody: Bool)
    {
        begin(status, type: "application/json")
        var separator: StaticString = "{"
        for (name, value) in members {
            body.append(separator)
            body.append(json: name)
            body.append(":")
            body.append(json: value)
            separator = ","
        }
        body.append("}")
        send(to: request, withBody: withBody)
    }

    private mutating func begin(_ status: Status, type: StaticString) {
        head.removeAll()
        body.removeAll()
        writeStatus(status)
        head.append("Content-Type: ")
        head.append(type)
        head.append("\r\n")
    }

    private mutating func writeStatus(_ status: Status) {
        head.append("Status: ")
        head.append(status.rawValue)
        head.append(" ")
        head.append(status.reason)
        head.append("\r\n")
    }

    /// A job may be kept once it has ended.
    private mutating func writeValidity(_ endTime: Timestamp?) {
        guard let endTime else { return head.append("Cache-Control: no-cache\r\n") }
        head.append("ETag: \"")
        head.append(endTime.microseconds)
        head.append("\"\r\nCache-Control: max-age=")
        head.append(FinishedJobs.lifetime.components.seconds)
        head.append("\r\n")
    }

    private mutating func write(_ time: Timestamp?) {
        guard let time else { return body.append("null") }
        body.append("\"")
        body.append { time.write(to: &$0) }
        body.append("\"")
    }

    private mutating func send(to request: Request, withBody: Bool) {
        head.append("Content-Length: ")
        head.append(body.bytes.count)
        head.append("\r\n\r\n")
        if withBody { head.append(body) }
        head.bytes.withUnsafeBytes { request.write($0) }
    }
}
