/// Writes the process's log: one line a record, on the standard error.
///
/// ```swift
/// let log = Log(label: "job-worker", level: .info)
/// log.info("claimed jobs", ["count": "\(count)", "worker": worker])
/// ```
/// What a disabled level is given is not evaluated.
package struct Log: Sendable {
    /// Names and values beside the message, in the order they are written.
    package typealias Metadata = KeyValuePairs<String, String>

    /// The program or the part of it that speaks.
    package let label: String
    /// The lowest level that is written.
    package let level: LogLevel
    private let sink: any LogSink
    private var context: [(key: String, value: String)] = []

    package init(label: String, level: LogLevel = .info, sink: any LogSink = StandardErrorSink()) {
        self.label = label
        self.level = level
        self.sink = sink
    }

    /// The same log, with metadata that every record carries.
    package func with(_ metadata: Metadata) -> Log {
        var log = self
        log.context += metadata
        return log
    }

    /// Writes a record where its level is enabled.
    package func log(_ level: LogLevel, _ message: () -> String, _ metadata: () -> Metadata) {
        guard level >= self.level else { return }
        var line = LogLine(time: .now, level: level, label: label, message: message())
        for (key, value) in context { line.append(key: key, value: value) }
        for (key, value) in metadata() { line.append(key: key, value: value) }
        sink.write(line.finished())
    }
}
