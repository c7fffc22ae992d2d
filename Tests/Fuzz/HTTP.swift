@testable internal import JobAPI
internal import Jobs
@testable internal import Service

/// What a responder reads of a request beside its body, and what it logs of it.
func fuzzHTTP(_ input: UnsafeRawBufferPointer) {
    takesMediaType(input)
    findsRoute(input)
    namesTag(input)
    logsOneLine(String(decoding: input, as: UTF8.self))
}

private func takesMediaType(_ input: UnsafeRawBufferPointer) {
    let lower = input.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    let parts = lower.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { part in
        let trimmed = part.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return Array(trimmed)
    }
    let expected =
        parts[0] == Array("application/json".utf8)
        && parts.dropFirst().allSatisfy { parameter in
            !parameter.starts(with: "charset=".utf8)
                || [Array("charset=utf-8".utf8), Array("charset=\"utf-8\"".utf8)].contains(parameter)
        }
    check(MediaType.isJSON(input) == expected, "the media type is \(expected ? "" : "not ")JSON's")
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// The input is a request line: the method ends at the first space.
private func findsRoute(_ input: UnsafeRawBufferPointer) {
    let space = input.firstIndex(of: UInt8(ascii: " ")) ?? input.endIndex
    let method = UnsafeRawBufferPointer(rebasing: input[..<space])
    let path = UnsafeRawBufferPointer(rebasing: input[space...].dropFirst())
    let found = Route.match(method: method, path: path)
    let expected = route(String(decoding: method, as: UTF8.self), String(decoding: path, as: UTF8.self))
    check(found == expected, "\(found), not \(expected)")
}

private func route(_ method: String, _ path: String) -> Route {
    if path == "/v1/jobs" { return method == "POST" ? .create : .call(.refuse(.methodNotAllowed("POST"))) }
    let call: Call
    if path == "/healthz" {
        call = .health
    } else if path == "/readyz" {
        call = .readiness
    } else if path.utf8.starts(with: "/v1/jobs/".utf8), case let id = path.utf8.dropFirst(9), !id.isEmpty,
        !id.contains(UInt8(ascii: "/"))
    {
        // Only what is written as the service itself writes an id.
        let isDecimal = id.allSatisfy { (0x30...0x39).contains($0) } && (id.count == 1 || id.first != 0x30)
        let value = Int64(String(decoding: id, as: UTF8.self))
        if let value, isDecimal {
            call = .find(JobID(rawValue: value))
        } else {
            let detail =
                isDecimal
                ? "the job's id is out of range: it ends at 9223372036854775807"
                : "a job's id is written in decimal digits, as in /v1/jobs/1"
            call = .refuse(Problem(status: isDecimal ? .unprocessableContent : .badRequest, detail: detail))
        }
    } else {
        return .call(.refuse(.notFound))
    }
    return .call(method == "GET" || method == "HEAD" ? call : .refuse(.methodNotAllowed("GET, HEAD")))
}

private func namesTag(_ input: UnsafeRawBufferPointer) {
    let endTime = Timestamp(microseconds: 849_000_000_123_456)
    let tag = Array("\"849000000123456\"".utf8)
    let isInside = input.indices.contains { input[$0...].starts(with: tag) }
    check(EntityTag.matches(endTime, input) == (isInside || input.elementsEqual("*".utf8)), "the tag")
}

/// No text forges a second record, or hides one.
private func logsOneLine(_ text: String) {
    var line = LogLine(
        time: WallTime(seconds: 0, milliseconds: 0), level: .info, label: "job-fcgi", process: 1, message: text)
    line.append(key: text, value: text)
    line.append(key: "request_id", value: text)
    let bytes = line.finished()
    check(bytes.last == UInt8(ascii: "\n") && bytes.count <= 4096, "a line of \(bytes.count) bytes")
    let isPrintable = bytes.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    check(isPrintable && String(validating: bytes, as: UTF8.self) != nil, "the line holds control characters")
}
