/// The HTTP statuses that the service answers with.
enum Status: Int, Sendable {
    case ok = 200
    case created = 201
    case notModified = 304
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case contentTooLarge = 413
    case unsupportedMediaType = 415
    case unprocessableContent = 422
    case serviceUnavailable = 503

    /// RFC 9110's reason phrase; also a problem's title.
    var reason: StaticString {
        switch self {
        case .ok: "OK"
        case .created: "Created"
        case .notModified: "Not Modified"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .contentTooLarge: "Content Too Large"
        case .unsupportedMediaType: "Unsupported Media Type"
        case .unprocessableContent: "Unprocessable Content"
        case .serviceUnavailable: "Service Unavailable"
        }
    }
}
