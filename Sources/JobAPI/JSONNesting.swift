/// The objects and arrays that are open, a bit each: a stack that needs no memory of its own.
struct Nesting {
    /// How many were open at first.
    let outer: Int
    /// How many are open.
    private(set) var depth: Int
    private var objects: UInt64 = 0

    init(depth: Int) {
        outer = depth
        self.depth = depth
    }

    /// Whether the innermost is an object.
    var isObject: Bool { objects & 1 == 1 }

    mutating func push(isObject: Bool) {
        objects = objects << 1 | (isObject ? 1 : 0)
        depth += 1
    }

    mutating func pop() {
        objects >>= 1
        depth -= 1
    }
}
