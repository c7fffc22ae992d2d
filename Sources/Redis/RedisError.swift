/// What went wrong between here and Redis.
package enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no connection, it broke, or no answer came in time. The connection is closed.
    case connection(String)
    /// Redis answered with an error (`-OOM …`, `-NOGROUP …`).
    case reply(String)

    /// The first word of an error reply, which is its code: `NOGROUP`, `OOM`, `BUSYGROUP`, `LOADING`.
    package var code: Substring? {
        guard case .reply(let message) = self else { return nil }
        return message.prefix { $0 != " " }
    }

    /// Whether another connection may be of use and this one is not: there is none, or the server is one that takes nothing
    /// from us. A demoted or loading server answers each command and carries out none; the next connection may lead elsewhere.
    package var isOutage: Bool {
        guard let code else { return true }
        return ["READONLY", "MASTERDOWN", "LOADING", "NOAUTH", "WRONGPASS"].contains(code)
    }

    package var description: String {
        switch self {
        case .connection(let message): "Redis: \(message)"
        case .reply(let message): "Redis answered: \(message)"
        }
    }
}
