/// Where Redis is, and how to be let in.
package struct RedisAddress: Sendable {
    package let host: String
    package let port: UInt16
    package let password: String?
    package let database: Int

    package init(host: String, port: UInt16, password: String?, database: Int) {
        self.host = host
        self.port = port
        self.password = password
        self.database = database
    }
}
