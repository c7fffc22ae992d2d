internal import CHiredis
@testable internal import JobStorage
internal import Jobs
@testable internal import Redis

/// An entry of the stream as Redis would send it, with anything for its id, its fields and their types.
///
/// The input's first line is the id, the others are fields in turn. A field that begins with `:` is a number, with `_` it
/// is nil, with `*` an array.
func fuzzStream(_ input: UnsafeRawBufferPointer) {
    let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    let id = lines[0]
    let fields = Array(lines.dropFirst())
    let entry = "*2\r\n".utf8 + string(id) + "*\(fields.count)\r\n".utf8 + fields.flatMap(element)
    guard let reply = read(entry) else { fatalError("hiredis did not take \(entry)") }
    let message = Message(reply.value)
    check(message?.streamID == streamID(id), "the id of \(id)")
    guard let message else { return }
    check(message.jobID == jobID(fields), "\(String(describing: message.jobID)) in \(fields)")
    check(StreamID(Array("\(message.streamID)".utf8)) == message.streamID, "\(message.streamID) is another one")
}

extension StreamID {
    fileprivate init?(_ bytes: [UInt8]) {
        guard let id = bytes.withUnsafeBytes({ StreamID($0) }) else { return nil }
        self = id
    }
}

private func streamID(_ bytes: [UInt8]) -> StreamID? {
    let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map(Array.init)
    guard parts.count == 2, let milliseconds = digits(parts[0], UInt64.self),
        let sequence = digits(parts[1], UInt64.self)
    else { return nil }
    return StreamID(milliseconds: milliseconds, sequence: sequence)
}

private func jobID(_ fields: [[UInt8]]) -> JobID? {
    for index in stride(from: 0, to: fields.count, by: 2) where fields[index] == Array("id".utf8) {
        guard index + 1 < fields.count else { return nil }
        return digits(fields[index + 1], Int64.self).map(JobID.init)
    }
    return nil
}

private func digits<Value: FixedWidthInteger>(_ bytes: [UInt8], _: Value.Type) -> Value? {
    bytes.allSatisfy { (0x30...0x39).contains($0) } ? Value(String(decoding: bytes, as: UTF8.self)) : nil
}

private func element(_ field: [UInt8]) -> [UInt8] {
    switch field.first {
    case UInt8(ascii: ":"): Array(":\(field.count)\r\n".utf8)
    case UInt8(ascii: "_"): Array("$-1\r\n".utf8)
    case UInt8(ascii: "*"): Array("*1\r\n".utf8) + string(field)
    default: string(field)
    }
}

private func string(_ bytes: [UInt8]) -> [UInt8] { Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8) }

private func read(_ bytes: [UInt8]) -> Reply? {
    let reader = redisReaderCreate()
    defer { redisReaderFree(reader) }
    var reply: UnsafeMutableRawPointer?
    bytes.withUnsafeBytes {
        _ = redisReaderFeed(reader, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard redisReaderGetReply(reader, &reply) == REDIS_OK, let reply else { return nil }
    return Reply(reply.assumingMemoryBound(to: redisReply.self))
}
