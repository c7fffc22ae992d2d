/// The last bytes of a stream of any length, and the message they make.
struct CommandOutput {
    /// The most bytes a message has.
    static let limit = 4096

    private var bytes: [UInt8] = []
    private var isCut = false

    mutating func append(_ chunk: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: chunk.suffix(Self.limit))
        if chunk.count > Self.limit { isCut = true }
        // Cut at twice the limit, so that a byte is moved once and not with every small write.
        guard bytes.count > 2 * Self.limit else { return }
        bytes.removeFirst(bytes.count - Self.limit)
        isCut = true
    }

    /// Forgets everything, and keeps the memory.
    mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        isCut = false
    }

    /// The end of the stream as text of at most ``limit`` bytes, which PostgreSQL can store: valid UTF-8 without NUL, cut
    /// where a character begins. The last line's end is left out.
    var message: String {
        var tail = bytes[...]
        // What a cut left of a character is no invalid byte of the command's: drop it, and don't replace it.
        if isCut || tail.count > Self.limit {
            tail = tail.suffix(Self.limit)
            tail = tail.dropFirst(tail.prefix(3).prefix { $0 & 0b1100_0000 == 0b1000_0000 }.count)
        }
        while let last = tail.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { tail.removeLast() }
        return String(decoding: tail, as: UTF8.self).cut()
    }
}

extension String {
    /// The end of it, without NUL. What was decoded may be longer than the bytes were: so is a replacement.
    fileprivate func cut() -> String {
        var reversed: [Unicode.Scalar] = []
        var count = 0
        for scalar in unicodeScalars.reversed() {
            let scalar = scalar == "\0" ? "\u{FFFD}" : scalar
            count += UTF8.width(scalar)
            guard count <= CommandOutput.limit else { break }
            reversed.append(scalar)
        }
        return String(String.UnicodeScalarView(reversed.reversed()))
    }
}
