internal import Foundation

/// Runs a program to its end.
package enum Shell {
    package struct Result: Sendable {
        package let status: Int32
        package let output: String
        package let error: String
    }

    /// Waits on a thread of its own: Swift's pool has as many threads as the machine has cores, and tests that block them
    /// hold up each other.
    ///
    /// - Parameters:
    ///   - arguments: the program, found in PATH, and its arguments.
    ///   - environment: is added to this process's.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) async throws -> Result {
        try await onThread { try runBlocking(arguments, environment: environment, input: input) }
    }

    static func runBlocking(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("shell-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (stdin, stdout, stderr) = ("\(directory.path)/in", "\(directory.path)/out", "\(directory.path)/err")
        try (input ?? "").write(toFile: stdin, atomically: true, encoding: .utf8)
        let child = try Child(arguments, environment: environment, input: stdin, output: stdout, error: stderr)
        return Result(
            status: child.wait(),
            output: String(decoding: try Data(contentsOf: URL(fileURLWithPath: stdout)), as: UTF8.self),
            error: String(decoding: try Data(contentsOf: URL(fileURLWithPath: stderr)), as: UTF8.self))
    }

    /// Like `run`, and throws where the program fails.
    @discardableResult
    package static func check(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        try output(of: arguments, await run(arguments, environment: environment))
    }

    @discardableResult
    static func checkBlocking(_ arguments: [String]) throws -> String {
        try output(of: arguments, runBlocking(arguments))
    }

    private static func output(of arguments: [String], _ result: Result) throws -> String {
        guard result.status == 0 else {
            throw TestFailure(
                "\(arguments.joined(separator: " ")): status \(result.status)\n\(result.output)\(result.error)")
        }
        return result.output
    }
}

package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Runs blocking code on a thread of its own.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
}
