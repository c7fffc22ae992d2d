import Jobs
import Testing

@testable import JobAPI

@Suite struct RouteTests {
    func match(_ method: String, _ path: String) -> Route {
        Array(method.utf8).withUnsafeBytes { method in
            Array(path.utf8).withUnsafeBytes { Route.match(method: method, path: $0) }
        }
    }

    @Test func findsWhatThereIs() {
        #expect(match("POST", "/v1/jobs") == .create)
        #expect(match("GET", "/v1/jobs/1") == .call(.find(JobID(rawValue: 1))))
        #expect(match("HEAD", "/v1/jobs/9223372036854775807") == .call(.find(JobID(rawValue: .max))))
        #expect(match("GET", "/v1/jobs/0") == .call(.find(JobID(rawValue: 0))))
        #expect(match("GET", "/healthz") == .call(.health))
        #expect(match("HEAD", "/readyz") == .call(.readiness))
    }

    @Test(arguments: [
        ("GET", "/", Status.notFound), ("GET", "", .notFound), ("POST", "/v1/jobs/", .notFound),
        ("GET", "/v1/jobs/1/2", .notFound), ("GET", "/v1/jobsx", .notFound), ("GET", "/v2/jobs", .notFound),
        ("GET", "/v1/jobs", .methodNotAllowed), ("DELETE", "/v1/jobs", .methodNotAllowed),
        ("post", "/v1/jobs", .methodNotAllowed), ("", "/v1/jobs", .methodNotAllowed),
        ("POST", "/v1/jobs/1", .methodNotAllowed), ("POST", "/healthz", .methodNotAllowed),
        ("GET", "/v1/jobs/abc", .badRequest), ("GET", "/v1/jobs/-1", .badRequest), ("GET", "/v1/jobs/1.0", .badRequest),
        ("GET", "/v1/jobs/01", .badRequest), ("GET", "/v1/jobs/+1", .badRequest), ("GET", "/v1/jobs/1 ", .badRequest),
        ("GET", "/v1/jobs/9223372036854775808", .unprocessableContent),
        ("GET", "/v1/jobs/99999999999999999999999999", .unprocessableContent),
    ])
    func refusesTheRest(method: String, path: String, status: Status) {
        guard case .call(.refuse(let problem)) = match(method, path) else {
            Issue.record("\(method) \(path) was not refused")
            return
        }
        #expect(problem.status == status)
        #expect((problem.header?.hasPrefix("Allow: ") ?? false) == (status == .methodNotAllowed))
    }
}
