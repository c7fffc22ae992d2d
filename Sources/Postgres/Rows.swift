internal import CLibPQ

/// The rows a statement returned, in binary format; owns the `PGresult` and clears it.
package struct Rows: ~Copyable {
    private let result: OpaquePointer

    /// Takes over `result`.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    /// The corresponding C function is `PQntuples`.
    package var count: Int { Int(PQntuples(result)) }

    /// The corresponding C function is `PQgetisnull`.
    package func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(result, Int32(row), Int32(column)) != 0 }

    package func int64(_ row: Int, _ column: Int) -> Int64 { integer(row, column) }
    package func int32(_ row: Int, _ column: Int) -> Int32 { integer(row, column) }
    package func bool(_ row: Int, _ column: Int) -> Bool { (integer(row, column) as UInt8) != 0 }

    /// A `timestamp` or `timestamptz`: microseconds since 2000-01-01 00:00 UTC. `nil` for NULL.
    package func timestamp(_ row: Int, _ column: Int) -> Int64? { isNull(row, column) ? nil : int64(row, column) }

    package func text(_ row: Int, _ column: Int) -> String? {
        isNull(row, column) ? nil : String(decoding: bytes(row, column), as: UTF8.self)
    }

    package func int64Array(_ row: Int, _ column: Int) -> [Int64] {
        let header = 20
        let value = bytes(row, column)
        guard value.count > header else { return [] }
        return stride(from: header + 4, to: value.count, by: 12).map {
            Int64(bigEndian: value.loadUnaligned(fromByteOffset: $0, as: Int64.self))
        }
    }

    /// The value's bytes, valid as long as these rows are.
    package func bytes(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, Int32(row), Int32(column)),
            count: Int(PQgetlength(result, Int32(row), Int32(column))))
    }

    /// 0 where the value is NULL or of another width.
    private func integer<Value: FixedWidthInteger>(_ row: Int, _ column: Int) -> Value {
        let value = bytes(row, column)
        guard value.count == Value.bitWidth / 8 else { return 0 }
        return Value(bigEndian: value.loadUnaligned(as: Value.self))
    }
}
