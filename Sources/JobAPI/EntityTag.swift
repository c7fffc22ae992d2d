internal import Jobs

/// The `ETag` of a finished job: when it ended, in microseconds. A job that has not ended has none.
enum EntityTag {
    /// Whether an `If-None-Match` header names the tag: alone, weakly, in a list, or as `*`.
    static func matches(_ endTime: Timestamp, _ header: UnsafeRawBufferPointer) -> Bool {
        if header.elementsEqual("*".utf8) { return true }
        let tag = "\"\(endTime.microseconds)\"".utf8
        guard header.count >= tag.count else { return false }
        return (0...header.count - tag.count).contains { header[$0..<$0 + tag.count].elementsEqual(tag) }
    }
}
