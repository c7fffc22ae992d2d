extension Log {
    /// Step by step, for someone reading the code beside it.
    package func trace(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.trace, message, metadata)
    }

    /// For finding a fault.
    package func debug(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.debug, message, metadata)
    }

    /// Normal work.
    package func info(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.info, message, metadata)
    }

    /// Normal, but worth an operator's eye.
    package func notice(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.notice, message, metadata)
    }

    /// Something failed, and the service copes.
    package func warning(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.warning, message, metadata)
    }

    /// Something failed, and somebody should look.
    package func error(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.error, message, metadata)
    }

    /// The process cannot go on.
    package func critical(_ message: @autoclosure () -> String, _ metadata: @autoclosure () -> Metadata = [:]) {
        log(.critical, message, metadata)
    }
}
