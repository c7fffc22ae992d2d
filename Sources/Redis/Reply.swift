internal import CHiredis

/// One reply; owns the `redisReply` tree and frees it.
package struct Reply: ~Copyable {
    private let root: UnsafeMutablePointer<redisReply>

    init(_ root: UnsafeMutablePointer<redisReply>) { self.root = root }

    deinit { freeReplyObject(root) }

    /// The reply's value, to be read while the reply lives.
    package var value: Value { Value(node: UnsafePointer(root)) }

    /// Throws `RedisError.reply` where the reply is an error, or an array that has one among its elements: that of `EXEC`.
    package func check() throws(RedisError) {
        if let error = value.error { throw error }
        for index in 0..<value.count {
            if let error = value[index]?.error { throw error }
        }
    }

    /// A node of a reply.
    package struct Value {
        fileprivate let node: UnsafePointer<redisReply>

        fileprivate var error: RedisError? {
            node.pointee.type == REDIS_REPLY_ERROR ? .reply(text ?? "") : nil
        }

        package var integer: Int64? { node.pointee.type == REDIS_REPLY_INTEGER ? node.pointee.integer : nil }

        /// How many elements an array has; 0 for anything else.
        package var count: Int { node.pointee.type == REDIS_REPLY_ARRAY ? Int(node.pointee.elements) : 0 }

        package subscript(index: Int) -> Value? {
            guard index < count, let element = node.pointee.element[index] else { return nil }
            return Value(node: UnsafePointer(element))
        }

        /// The bytes of a string, status or error.
        package var bytes: UnsafeRawBufferPointer? {
            switch node.pointee.type {
            case REDIS_REPLY_STRING, REDIS_REPLY_STATUS, REDIS_REPLY_ERROR:
                UnsafeRawBufferPointer(start: node.pointee.str, count: Int(node.pointee.len))
            default: nil
            }
        }

        package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    }
}
