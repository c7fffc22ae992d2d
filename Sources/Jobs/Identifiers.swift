/// A job's number, as in `/v1/jobs/1`.
package struct JobID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static func < (left: JobID, right: JobID) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(rawValue)" }
}

/// What the caller named: within the window, one object has one job.
package struct ObjectID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }
    package static func < (left: ObjectID, right: ObjectID) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(rawValue)" }
}
