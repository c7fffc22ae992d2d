// Reads what was freed: the address sanitizer has to end this with an error.
let pointer = UnsafeMutablePointer<Int>.allocate(capacity: 1)
pointer.initialize(to: 1)
pointer.deallocate()
print("read \(pointer.pointee)")
