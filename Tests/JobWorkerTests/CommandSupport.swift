import Glibc
import JobWorker

/// Runs a command once, and gives the message it failed with; `nil` where it succeeded.
func message(of command: String, objectID: Int32 = 1) async throws -> String? {
    let handler = try CommandHandler(command: command, concurrency: 1)
    return try await message(of: handler, Job(id: 7, objectID: objectID, attempt: 3))
}

func message(of handler: CommandHandler, _ job: Job) async throws -> String? {
    do {
        try await handler.run(job)
        return nil
    } catch let failure as CommandFailure {
        return failure.description
    }
}

/// Whether a process has ended; it may still wait for its parent to reap it.
func isGone(_ pid: Int32) -> Bool {
    guard let stat = contents(of: "/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return true }
    return stat[end...].dropFirst(2).first == "Z"
}

func contents(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(file, &chunk, chunk.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk[..<count]
    }
}

/// The numbers in a file, one a line; a line that is not complete yet does not count.
func numbers(in path: String) -> [Int32] {
    guard let text = contents(of: path), let end = text.lastIndex(of: "\n") else { return [] }
    return text[..<end].split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
}

/// The value of a line such as `VmHWM:  123 kB` in `/proc/self/status`.
func status(_ name: String) -> Int? {
    let lines = contents(of: "/proc/self/status")?.split(separator: "\n") ?? []
    let line = lines.first { $0.hasPrefix(name + ":") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
}

/// How many entries a directory has.
func count(of path: String) -> Int {
    guard let directory = opendir(path) else { return -1 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
}

/// The path of a new file that nothing else uses.
func scratchFile() throws -> String {
    var template = Array("/tmp/command-test-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw CancellationError() }
    close(file)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
