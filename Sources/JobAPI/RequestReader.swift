internal import FastCGI
internal import Jobs

/// Reads a request to its end and tells what it asks for.
struct RequestReader: ~Copyable {
    /// The most bytes a body may have.
    static let bodyLimit = 16 * 1024

    /// One byte more than a body may have, so that one that is too large is seen to be.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bodyLimit + 1, alignment: 16)

    init() {}

    deinit { buffer.deallocate() }

    func read(_ request: Request) -> Call {
        // Read whatever the route: what is left of a body would be taken for the next request.
        let length: Int
        switch request.readBody(into: buffer) {
        case .complete(let count): length = count
        case .tooLarge: return refuse(.contentTooLarge, "a body may have \(RequestReader.bodyLimit) bytes")
        case .incomplete: return .brokenOff
        }
        guard let method = request.bytes(of: "REQUEST_METHOD"), let path = request.bytes(of: "DOCUMENT_URI") else {
            return refuse(.badRequest, "the request came without REQUEST_METHOD or DOCUMENT_URI")
        }
        switch Route.match(method: method, path: path) {
        case .call(let call): return call
        case .create: return create(request, UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        }
    }

    private func create(_ request: Request, _ body: UnsafeRawBufferPointer) -> Call {
        guard let type = request.bytes(of: "CONTENT_TYPE"), MediaType.isJSON(type) else {
            return refuse(.unsupportedMediaType, "the body must be sent as Content-Type: application/json")
        }
        do throws(RequestFault) {
            return .create(ObjectID(rawValue: try CreateRequest.parse(body)))
        } catch {
            return refuse(Status(rawValue: error.status) ?? .badRequest, error.detail)
        }
    }

    private func refuse(_ status: Status, _ detail: String) -> Call { .refuse(Problem(status: status, detail: detail)) }
}
