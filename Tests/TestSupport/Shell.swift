internal import Foundation

/// Runs a program to its end.
package enum Shell {
    package struct Result: Sendable {
        package let status: Int32
        package let output: String
        package let error: String
    }

    /// - Parameters:
    ///   - arguments: the program, found in PATH, and its arguments.
    ///   - environment: is added to this process's.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("shell-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (stdin, stdout, stderr) = ("\(directory.path)/in", "\(directory.path)/out", "\(directory.path)/err")
        try (input ?? "").write(toFile: stdin, atomically: true, encoding: .utf8)
        let child = try Child(arguments, environment: environment, input: stdin, output: stdout, error: stderr)
        return Result(
            status: child.wait(), output: String(decoding: try Data(contentsOf: URL(fileURLWithPath: stdout)), as: UTF8.self),
            error: String(decoding: try Data(contentsOf: URL(fileURLWithPath: stderr)), as: UTF8.self))
    }

    /// Like `run`, and throws where the program fails.
    @discardableResult
    package static func check(_ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let result = try run(arguments, environment: environment)
        guard result.status == 0 else {
            throw TestFailure("\(arguments.joined(separator: " ")): status \(result.status)\n\(result.output)\(result.error)")
        }
        return result.output
    }
}

package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
