internal import Redis
internal import Synchronization

/// Makes connections to Redis for a thread that must not wait: neither for a name server, nor for a server that is silent.
///
/// Each attempt runs on a thread that ends with it. There is one attempt at a time.
final class JobStreamConnector: Sendable {
    /// Runs a body on another thread.
    typealias Background = @Sendable (@escaping @Sendable () -> Void) throws -> Void

    private enum State {
        case idle
        case connecting
        case ended(Result<Made, RedisError>)
    }

    /// Unchecked: the thread that makes the connection ends without keeping it, and only one other takes it.
    private struct Made: @unchecked Sendable {
        let connection: Connection
    }

    private let address: RedisAddress
    private let timeout: Duration
    private let background: Background
    private let state = Mutex(State.idle)

    init(_ address: RedisAddress, timeout: Duration, background: @escaping Background) {
        self.address = address
        self.timeout = timeout
        self.background = background
    }

    /// Begins an attempt, unless one is under way.
    func begin() {
        guard claim() else { return }
        do { try background { self.attempt() } } catch {
            end(.failure(.connection("no thread to connect on: \(error)")))
        }
    }

    /// What the last attempt came to, once; nil while it lasts, and where there was none.
    func takeResult() -> Result<Connection, RedisError>? {
        state.withLock { state in
            guard case .ended(let result) = state else { return nil }
            state = .idle
            return result.map(\.connection)
        }
    }

    private func claim() -> Bool {
        state.withLock { state in
            guard case .idle = state else { return false }
            state = .connecting
            return true
        }
    }

    private func attempt() {
        do throws(RedisError) {
            let connection = try Connection(
                host: address.host, port: address.port, password: address.password, database: address.database,
                timeout: timeout)
            end(.success(Made(connection: connection)))
        } catch {
            end(.failure(error))
        }
    }

    private func end(_ result: Result<Made, RedisError>) {
        state.withLock { $0 = .ended(result) }
    }
}
