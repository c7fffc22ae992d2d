internal import Jobs

/// The id of a message in a Redis stream: `1795457940123-0`, milliseconds and a number within them.
package struct StreamID: Sendable, Hashable, CustomStringConvertible {
    package let milliseconds: UInt64
    package let sequence: UInt64

    package static let zero = StreamID(milliseconds: 0, sequence: 0)

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")),
            let milliseconds = UInt64(decimal: bytes[..<dash]), let sequence = UInt64(decimal: bytes[(dash + 1)...])
        else { return nil }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    package var description: String { "\(milliseconds)-\(sequence)" }
}
