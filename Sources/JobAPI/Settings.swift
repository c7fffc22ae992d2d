package import FastCGI
package import JobStorage
internal import Postgres
package import Service

/// How a job-fcgi process is set up: DATABASE_URL, REDIS_URL, FCGI_LISTEN, FCGI_RESPONDERS, JOB_DEDUP_WINDOW, LOG_LEVEL.
package struct Settings: Sendable {
    package let databaseURL: String
    package let redis: RedisAddress
    /// Where to listen; nil where a supervisor hands the socket over as descriptor 0.
    package let listen: Listener.Address?
    package let responders: Int
    /// In seconds.
    package let dedupWindow: Int
    package let logLevel: LogLevel

    package init(_ environment: inout Environment) {
        databaseURL = environment.databaseURL("DATABASE_URL")
        redis = RedisAddress(environment.redisURL("REDIS_URL"))
        listen = environment.listenAddress("FCGI_LISTEN").map(Listener.Address.init)
        if listen == nil && !Listener.isInherited {
            environment.fault("FCGI_LISTEN is not set, and descriptor 0 is not a listening socket")
        }
        responders = environment.integer("FCGI_RESPONDERS", default: 2, in: 1...64)
        dedupWindow = environment.integer("JOB_DEDUP_WINDOW", default: 300, in: 1...31_536_000)
        logLevel = environment.choice("LOG_LEVEL", default: .info)
    }
}

extension RedisAddress {
    fileprivate init(_ url: RedisURL) {
        self.init(host: url.host, port: UInt16(clamping: url.port), password: url.password, database: url.database)
    }
}

extension Listener.Address {
    fileprivate init(_ address: ListenAddress) {
        switch address {
        case .path(let path): self = .unix(path: path)
        case .network(let host, let port): self = .tcp(host: host, port: UInt16(clamping: port))
        }
    }
}
