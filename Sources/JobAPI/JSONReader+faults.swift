extension JSONReader {
    /// The next byte is not what the grammar asks for, or there is none.
    func expected(_ what: String) -> RequestFault {
        guard let byte = next else {
            return .badRequest("the body ends at byte \(position), where \(what) is expected")
        }
        let reason =
            switch byte {
            case UInt8(ascii: "'"): "JSON quotes with double quotes"
            case UInt8(ascii: "/"), UInt8(ascii: "#"): "JSON has no comments"
            default: "\(what) is expected"
            }
        return .badRequest("unexpected \(Self.shown(byte)) at byte \(position): \(reason)")
    }

    /// The body ends too early.
    func endsInside(_ what: String) -> RequestFault { .badRequest("the body ends inside \(what) at byte \(position)") }

    private static func shown(_ byte: UInt8) -> String {
        if (0x21...0x7E).contains(byte) { return "'\(Unicode.Scalar(byte))'" }
        let digits = String(byte, radix: 16, uppercase: true)
        return "byte 0x\(digits.count == 1 ? "0" : "")\(digits)"
    }
}
