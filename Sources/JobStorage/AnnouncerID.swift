/// Names the row under which one connection writes down the jobs that it has committed and not yet announced.
///
/// The row is replaced by the connection's next batch. Whoever can't tell that the last batch was announced, or committed,
/// takes a new name first, and so leaves the row to the reconciler.
package struct AnnouncerID: RawRepresentable, Hashable, Sendable {
    package private(set) var rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Random, so that no two processes on any hosts have the same.
    package static func random() -> AnnouncerID { AnnouncerID(rawValue: .random(in: .min ... .max)) }

    /// Leaves the row to the reconciler.
    package mutating func renew() { self = .random() }
}
