@testable import JobAPI

/// What became of a body.
enum Parsed: Equatable, CustomStringConvertible {
    case accepted(Int32)
    case fault(Int, String)

    /// Parses bytes that lie at the very end of their memory, so that a sanitizer sees a read beyond them.
    init(_ body: [UInt8]) {
        self = body.withUnsafeBytes { buffer in
            do throws(RequestFault) {
                return .accepted(try CreateRequest.parse(buffer))
            } catch {
                return .fault(error.status, error.detail)
            }
        }
    }

    init(_ body: String) {
        self.init(Array(body.utf8))
    }

    var status: Int? {
        switch self {
        case .accepted: nil
        case .fault(let status, _): status
        }
    }

    /// Whether the body is JSON, though perhaps not the one that is asked for.
    var isJSON: Bool {
        switch self {
        case .accepted: true
        case .fault(_, let detail): detail.hasPrefix("object_id ") || detail.hasPrefix("the body must be a JSON object")
        }
    }

    var description: String {
        switch self {
        case .accepted(let id): "\(id)"
        case .fault(let status, let detail): "\(status) \(detail)"
        }
    }
}
