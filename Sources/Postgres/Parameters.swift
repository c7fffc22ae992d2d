internal import CLibPQ

/// The parameters of one call, encoded in PostgreSQL's binary format into one buffer that is kept for the next call.
package struct Parameters: ~Copyable {
    private(set) var bytes: [UInt8] = []
    private(set) var ranges: [Range<Int>?] = []

    package init() { bytes.reserveCapacity(8192) }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ranges.removeAll(keepingCapacity: true)
    }

    package mutating func add(_ value: Int64?) {
        guard let value else { return ranges.append(nil) }
        parameter { $0.append(value) }
    }
    package mutating func add(_ value: Int32) { parameter { $0.append(value) } }
    package mutating func add(_ value: Double) { parameter { $0.append(value.bitPattern) } }
    package mutating func add(_ value: String?) {
        guard let value else { return ranges.append(nil) }
        parameter { $0.append(contentsOf: value.utf8) }
    }

    package mutating func add(_ values: [Int32]) {
        array(of: .int4, count: values.count) { for value in values { $0.element(value) } }
    }
    package mutating func add(_ values: [Int64]) {
        array(of: .int8, count: values.count) { for value in values { $0.element(value) } }
    }
    package mutating func add(_ values: [String?]) {
        array(of: .text, count: values.count) { for value in values { $0.element(value) } }
    }

    private mutating func parameter(_ write: (inout [UInt8]) -> Void) {
        let start = bytes.count
        write(&bytes)
        ranges.append(start..<bytes.count)
    }

    /// The header of a one-dimensional array (dimensions, has-null flag, element type, length, lower bound), then its
    /// elements.
    private mutating func array(of type: ElementType, count: Int, _ elements: (inout [UInt8]) -> Void) {
        parameter { bytes in
            bytes.append(Int32(count == 0 ? 0 : 1))
            bytes.append(Int32(1))
            bytes.append(type.rawValue)
            guard count > 0 else { return }
            bytes.append(Int32(count))
            bytes.append(Int32(1))
            elements(&bytes)
        }
    }

    private enum ElementType: UInt32 { case int8 = 20, int4 = 23, text = 25 }
}

extension [UInt8] {
    fileprivate mutating func append(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func element(_ value: some FixedWidthInteger) {
        append(Int32(value.bitWidth / 8))
        append(value)
    }

    fileprivate mutating func element(_ value: String?) {
        guard let value else { return append(Int32(-1)) }
        append(Int32(value.utf8.count))
        append(contentsOf: value.utf8)
    }
}
