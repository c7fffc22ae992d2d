internal import Glibc

/// A pipeline of commands, encoded as RESP into one buffer that is kept for the next pipeline.
package struct Commands: ~Copyable {
    private(set) var bytes: [UInt8] = []
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { bytes.isEmpty }

    /// In bytes.
    package var size: Int { bytes.count }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Takes away bytes that were sent.
    fileprivate mutating func removeFirst(_ sent: Int) {
        if sent == bytes.count { removeAll() } else { bytes.removeFirst(sent) }
    }

    /// Begins a command of `arguments` words, its name among them; that many `add` calls have to follow.
    package mutating func begin(arguments: Int) {
        count += 1
        header(UInt8(ascii: "*"), arguments)
    }

    package mutating func add(_ word: StaticString) {
        word.withUTF8Buffer { add(UnsafeRawBufferPointer($0)) }
    }

    package mutating func add(_ word: String) {
        header(UInt8(ascii: "$"), word.utf8.count)
        bytes.append(contentsOf: word.utf8)
        endLine()
    }

    package mutating func add(_ value: Int64) {
        header(UInt8(ascii: "$"), decimalDigits(of: value))
        append(value)
        endLine()
    }

    /// One whole command of plain words.
    package mutating func command(_ words: String...) {
        begin(arguments: words.count)
        for word in words { add(word) }
    }

    private mutating func add(_ word: UnsafeRawBufferPointer) {
        header(UInt8(ascii: "$"), word.count)
        bytes.append(contentsOf: word)
        endLine()
    }

    private mutating func header(_ type: UInt8, _ length: Int) {
        bytes.append(type)
        append(Int64(length))
        endLine()
    }

    private mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    /// The decimal digits of `value`, written in place, without a `String`.
    private mutating func append(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = value.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private func decimalDigits(of value: Int64) -> Int {
        var (digits, rest) = (value < 0 ? 2 : 1, value.magnitude)
        while rest >= 10 { (digits, rest) = (digits + 1, rest / 10) }
        return digits
    }
}

extension Connection {
    /// Sends as much of the commands as the socket has room for, and takes that away from them. Never waits.
    package func sendWithoutWaiting(_ commands: inout Commands) throws(RedisError) {
        guard isOpen else { throw .connection("not connected") }
        let sent = commands.bytes.withUnsafeBytes {
            Glibc.send(fileDescriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        if sent >= 0 { return commands.removeFirst(sent) }
        let code = errno
        guard code == EAGAIN || code == EINTR else {
            close()
            throw .connection(String(cString: strerror(code)))
        }
    }
}
