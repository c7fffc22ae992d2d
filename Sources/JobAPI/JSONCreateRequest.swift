/// The body of `POST /v1/jobs`: `{"object_id": 1}`.
///
/// Members with other names are ignored, but must be JSON. Of members with the same name the last counts.
package enum CreateRequest {
    /// Reads the object's id.
    ///
    /// - Parameter body: UTF-8. It is not kept.
    /// - Throws: ``RequestFault``. A body that is no JSON says so, whatever its `object_id` is.
    package static func parse(_ body: UnsafeRawBufferPointer) throws(RequestFault) -> Int32 {
        var reader = JSONReader(body)
        try begin(&reader)
        let objectID = try members(&reader)
        try reader.end()
        guard let objectID else { throw .badRequest("object_id is missing") }
        return try integer(objectID, body)
    }

    /// Reads up to and with the opening brace.
    private static func begin(_ reader: inout JSONReader) throws(RequestFault) {
        if reader.bytes.isEmpty { throw .badRequest("the body is empty") }
        if reader.next == 0xEF, reader.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw .badRequest("a byte order mark is not allowed")
        }
        reader.whitespace()
        if reader.next == nil { throw .badRequest("the body is empty but for white space") }
        if reader.skip(.openBrace) { return }
        let value = try reader.value(depth: 0)
        try reader.end()
        throw .badRequest("the body must be a JSON object, not \(value.kind)")
    }

    /// Reads the members and the closing brace.
    ///
    /// - Returns: the value of the last one that is named `object_id`.
    private static func members(_ reader: inout JSONReader) throws(RequestFault) -> JSONValue? {
        var objectID: JSONValue?
        reader.whitespace()
        if reader.skip(.closeBrace) { return nil }
        repeat {
            let isObjectID = try reader.name(is: "object_id")
            let value = try reader.value(depth: 1)
            if isObjectID { objectID = value }
            reader.whitespace()
        } while reader.skip(.comma)
        guard reader.skip(.closeBrace) else { throw reader.expected("a comma or '}'") }
        return objectID
    }

    private static func integer(_ value: JSONValue, _ body: UnsafeRawBufferPointer) throws(RequestFault) -> Int32 {
        guard case .number(let number) = value else {
            throw .badRequest("object_id must be a JSON integer, not \(value.kind)")
        }
        guard number.isInteger else {
            throw .badRequest("object_id must be written as an integer, not as \(echo(body[number.range]))")
        }
        guard let integer = number.value else {
            let detail = "object_id \(echo(body[number.range])) is out of range: \(Int32.min) to \(Int32.max)"
            throw RequestFault(status: 422, detail: detail)
        }
        return integer
    }

    /// The start of a number, which is ASCII.
    private static func echo(_ digits: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: digits.prefix(40), as: UTF8.self) + (digits.count > 40 ? "…" : "")
    }
}
