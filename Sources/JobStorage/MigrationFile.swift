internal import Glibc
internal import Jobs

/// One file of `db/migrations`: `0001_jobs.sql`.
package struct MigrationFile: Sendable, Equatable {
    package let version: Int32
    package let name: String
    package let sql: String

    package init(version: Int32, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
    }

    /// The statements of a file whose first line is `-- no transaction`, each to be run by itself; nil for any other. Each
    /// ends with a semicolon at the end of a line.
    var statements: [String]? {
        let lines = sql.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == "-- no transaction" else { return nil }
        var statements: [String] = []
        var statement: [Substring] = []
        for line in lines + [";"] where !line.hasPrefix("--") {
            statement.append(line)
            guard line.last == ";" else { continue }
            let text = statement.joined(separator: "\n")
            if text.contains(where: { $0 != ";" && !$0.isWhitespace }) { statements.append(text) }
            statement = []
        }
        return statements
    }

    /// The migrations of a directory, in order. Other files are left alone.
    package static func all(in directory: String) throws(MigrationError) -> [MigrationFile] {
        guard let handle = opendir(directory) else { throw MigrationError("cannot read the directory \(directory)") }
        defer { closedir(handle) }
        var files: [MigrationFile] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let version = version(of: name) else { continue }
            files.append(MigrationFile(version: version, name: name, sql: try read("\(directory)/\(name)")))
        }
        files.sort { $0.version < $1.version }
        for (index, file) in files.enumerated() where file.version != Int32(index + 1) {
            throw MigrationError(
                "\(file.name) should be number \(index + 1): each number is there once, and none is left out")
        }
        guard !files.isEmpty else { throw MigrationError("there is no migration in \(directory)") }
        return files
    }

    /// What `grants.sql` beside the migrations says; nil where there is none.
    package static func grants(in directory: String) throws(MigrationError) -> String? {
        let path = "\(directory)/grants.sql"
        return access(path, F_OK) == 0 ? try read(path) : nil
    }

    /// The number in `0001_name.sql`; nil for a file of another kind.
    static func version(of name: String) -> Int32? {
        guard name.hasSuffix(".sql"), let separator = name.firstIndex(of: "_"), name[..<separator].utf8.count == 4
        else {
            return nil
        }
        return Int32(decimal: name[..<separator].utf8)
    }

    private static func read(_ path: String) throws(MigrationError) -> String {
        guard let file = fopen(path, "re") else { throw MigrationError("cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        guard ferror(file) == 0 else { throw MigrationError("cannot read \(path)") }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why the migrations were not applied, in words for an operator.
package struct MigrationError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
