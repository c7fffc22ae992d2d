internal import Jobs

/// Which call a method and a path mean; the body is not looked at.
enum Route: Equatable {
    case create
    case call(Call)

    static func match(method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) -> Route {
        let reads = method.elementsEqual("GET".utf8) || method.elementsEqual("HEAD".utf8)
        if path.elementsEqual("/v1/jobs".utf8) {
            return method.elementsEqual("POST".utf8) ? .create : .call(.refuse(.methodNotAllowed("POST")))
        }
        guard let found = match(path: path) else { return .call(.refuse(.notFound)) }
        return .call(reads ? found : .refuse(.methodNotAllowed("GET, HEAD")))
    }

    /// What may be read at a path.
    private static func match(path: UnsafeRawBufferPointer) -> Call? {
        let prefix = "/v1/jobs/".utf8
        if path.starts(with: prefix) && path.count > prefix.count { return job(path.dropFirst(prefix.count)) }
        if path.elementsEqual("/healthz".utf8) { return .health }
        if path.elementsEqual("/readyz".utf8) { return .readiness }
        return nil
    }

    private static func job(_ id: Slice<UnsafeRawBufferPointer>) -> Call? {
        guard !id.contains(UInt8(ascii: "/")) else { return nil }
        let isDecimal = id.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDecimal, id.count == 1 || id.first != UInt8(ascii: "0") else {
            return .refuse(
                Problem(status: .badRequest, detail: "a job's id is written in decimal digits, as in /v1/jobs/1"))
        }
        guard let value = Int64(decimal: id) else {
            return .refuse(
                Problem(status: .unprocessableContent, detail: "the job's id is out of range: it ends at \(Int64.max)"))
        }
        return .find(JobID(rawValue: value))
    }
}
