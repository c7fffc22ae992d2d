/// Names a row of the outbox: the jobs of one batch that are committed and not yet announced.
///
/// A later batch may take the name over, and replace the row, once Redis has confirmed the batch before. Whoever cannot tell
/// that the last batch was announced, or committed, takes a new name, and so leaves the row to the reconciler.
package struct AnnouncerID: RawRepresentable, Hashable, Sendable {
    package private(set) var rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Random, so that no two processes on any hosts have the same.
    package static func random() -> AnnouncerID { AnnouncerID(rawValue: .random(in: .min ... .max)) }

    /// Leaves the row to the reconciler.
    package mutating func renew() { self = .random() }
}
