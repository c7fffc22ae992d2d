@testable internal import JobAPI

/// `CreateRequest.parse` beside the slow reading of ``JSONReference``.
func fuzzJSON(_ input: UnsafeRawBufferPointer) {
    let expected = JSONReference.createRequest(Array(input))
    do throws(RequestFault) {
        let objectID = try CreateRequest.parse(input)
        check(expected == .accepted(objectID), "accepted as \(objectID), not \(expected)")
    } catch {
        // What is JSON, and not the JSON that is asked for, is told so.
        let isJSON = ["object_id ", "the body must be a JSON object"].contains { error.detail.hasPrefix($0) }
        let outcome = JSONReference.Outcome.refused(error.status, isJSON: isJSON)
        check(outcome == expected, "\(error.status) \(error.detail), not \(expected)")
        let isPrintable = error.detail.unicodeScalars.allSatisfy { (" "..."~").contains($0) || $0 == "…" }
        check(isPrintable && error.detail.utf8.count < 150, "the detail repeats too much: \(error.detail)")
    }
    writesJSON(String(decoding: input, as: UTF8.self))
}

/// What a response quotes is read as the same text.
private func writesJSON(_ text: String) {
    var writer = ByteWriter(capacity: 0)
    writer.append(json: text)
    check(JSONReference.string(writer.bytes) == Array(text.unicodeScalars), "written as \(writer.bytes)")
}
