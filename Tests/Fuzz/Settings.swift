@testable internal import Service

/// What is read from the environment.
func fuzzSettings(_ input: UnsafeRawBufferPointer) {
    let text = String(decoding: input, as: UTF8.self)
    readsRedisURL(text)
    readsListenAddress(text)
    decodesPercents(text)
}

private func readsRedisURL(_ text: String) {
    guard let url = try? RedisURL(parsing: text) else { return }
    check((1...65535).contains(url.port) && url.database >= 0 && !url.host.isEmpty, "\(url)")
    // Printed, it is the same URL with another password.
    let again = try? RedisURL(parsing: url.description)
    let shown = RedisURL(
        host: url.host, port: url.port, password: url.password == nil ? nil : "***", database: url.database)
    check(again == shown, "\(url) is read as \(String(describing: again))")
}

private func readsListenAddress(_ text: String) {
    guard let address = try? ListenAddress(parsing: text) else { return }
    check((try? ListenAddress(parsing: address.description)) == address, "\(address) is read as another one")
    if case .path(let path) = address { check(path.utf8.count <= ListenAddress.pathLimit, "\(path) is too long") }
}

private func decodesPercents(_ text: String) {
    let encoded = text.utf8.map { ($0 < 16 ? "%0" : "%") + String($0, radix: 16) }.joined()
    check(PercentEncoding.decode(encoded[...]) == text, "\(encoded) is not decoded")
    let decoded = PercentEncoding.decode(text[...])
    check(decoded == reference(text), "\(text) is decoded to \(String(describing: decoded))")
}

private func reference(_ text: String) -> String? {
    let pieces = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
    var bytes = Array(pieces[0])
    for piece in pieces.dropFirst() {
        let digits = String(decoding: piece.prefix(2), as: UTF8.self)
        guard digits.count == 2, digits.allSatisfy(\.isHexDigit) else { return nil }
        guard let byte = UInt8(digits, radix: 16) else { return nil }
        bytes += [byte] + piece.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
}
