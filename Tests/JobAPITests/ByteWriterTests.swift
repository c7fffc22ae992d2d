import Foundation
import Testing

@testable import JobAPI

@Suite struct ByteWriterTests {
    func written(_ write: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter(capacity: 16)
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test(arguments: [0, 1, -1, 9, 10, 1_234_567_890, Int64.max, Int64.min])
    func writesIntegers(value: Int64) { #expect(written { $0.append(value) } == "\(value)") }

    @Test(arguments: ["", "plain", "\"\\/", "\n\r\t\u{0}\u{1}\u{1f}\u{7f}", "é — 😀", "</script>", "a\u{2028}b"])
    func writesStringsThatAnyReaderReads(text: String) throws {
        let json = "[" + written { $0.append(json: text) } + "]"
        #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String] == [text])
    }
}
