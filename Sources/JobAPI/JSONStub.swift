struct RequestFault: Error { let status: Int; let detail: String }
enum CreateRequest {
    static func parse(_ body: UnsafeRawBufferPointer) throws(RequestFault) -> Int32 {
        let digits = String(decoding: body, as: UTF8.self).filter { $0.isNumber }
        guard let v = Int32(digits) else { throw RequestFault(status: 400, detail: "no") }
        return v
    }
}
