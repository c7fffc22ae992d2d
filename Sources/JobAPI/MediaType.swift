/// A `Content-Type` header's value.
enum MediaType {
    /// `application/json` in any case, with no parameters or `charset=utf-8`.
    static func isJSON(_ value: UnsafeRawBufferPointer) -> Bool {
        if value.elementsEqual("application/json".utf8) { return true }
        let parts = value.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(normalized)
        guard parts.first == "application/json" else { return false }
        return parts.dropFirst().allSatisfy { parameter in
            // By bytes: a combining character after the `=` would make another character of it.
            let isCharset = parameter.utf8.starts(with: "charset=".utf8)
            return !isCharset || parameter == "charset=utf-8" || parameter == "charset=\"utf-8\""
        }
    }

    private static func normalized(_ part: Slice<UnsafeRawBufferPointer>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let trimmed = part.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return String(decoding: Array(trimmed), as: UTF8.self).lowercased()
    }
}
