package import Jobs
internal import Redis

/// A message of the stream: `v 1 id 42`.
package struct Message: Sendable, Hashable {
    /// The version of the format that is written. A reader takes the `id` of any version it can find one in.
    static let version: StaticString = "1"

    package let streamID: StreamID
    /// nil where the message is unreadable.
    package let jobID: JobID?

    /// - Parameter entry: an entry of a stream reply, `[id, [field, value, …]]`.
    init?(_ entry: Reply.Value) {
        guard let streamID = entry[0]?.bytes.flatMap({ StreamID($0) }) else { return nil }
        self.streamID = streamID
        jobID = entry[1].flatMap { Message.id(in: $0) }
    }

    /// - Parameter entries: an array of entries.
    static func all(_ entries: Reply.Value) -> [Message] {
        (0..<entries.count).compactMap { entries[$0].flatMap { Message($0) } }
    }

    private static func id(in fields: Reply.Value) -> JobID? {
        for index in stride(from: 0, to: fields.count, by: 2) {
            guard let name = fields[index]?.bytes, name.elementsEqual("id".utf8) else { continue }
            return fields[index + 1]?.bytes.flatMap { Int64(decimal: $0) }.map(JobID.init)
        }
        return nil
    }
}
