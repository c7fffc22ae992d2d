/// Where a job is in its life.
///
/// `created` → `running` → `success` or `failed`; and back from `running` to `created` when the worker is lost, or hands the
/// job back.
package enum JobStatus: String, Sendable, CaseIterable {
    case created, running, success, failed
}
