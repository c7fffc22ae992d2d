@testable import JobAPI
import Testing

@Suite("JSON depth")
struct JSONDepthTests {
    /// An object whose member is nested so deep that, with the object, it is `depth` levels.
    private func body(depth: Int, open: String, close: String, core: String = "1") -> String {
        let inner = String(repeating: open, count: depth - 1) + core + String(repeating: close, count: depth - 1)
        return #"{"a":\#(inner),"object_id":1}"#
    }

    @Test("The limit is met and not passed", arguments: [("[", "]"), (#"{"x":"#, "}"), (#"[{"y":["#, "]}]")])
    func limit(open: String, close: String) {
        let levels = open.filter { "[{".contains($0) }.count
        let most = (JSONReader.depthLimit - 1) / levels
        #expect(Parsed(body(depth: most + 1, open: open, close: close)) == .accepted(1))
        let tooDeep = Parsed(body(depth: most + 2, open: open, close: close))
        #expect(tooDeep.description.contains("nesting deeper than 64 at byte "))
        #expect(tooDeep.status == 400)
    }

    @Test("Empty ones count as well", arguments: ["[]", "{}"])
    func empty(core: String) {
        #expect(Parsed(body(depth: 63, open: "[", close: "]", core: core)) == .accepted(1))
        #expect(Parsed(body(depth: 64, open: "[", close: "]", core: core)).description.contains("nesting deeper"))
    }

    @Test("Depth is given back: many side by side are not deep")
    func wide() {
        let item = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        let items = Array(repeating: item, count: 100).joined(separator: ",")
        #expect(Parsed(#"{"a":[\#(items)],"object_id":1}"#) == .accepted(1))
    }

    @Test("A very deep body is a fault and no crash", arguments: ["[", #"{"a":"#])
    func deep(open: String) {
        let body = String(repeating: open, count: 1_000_000)
        #expect(Parsed(body).description.contains("nesting deeper than 64"))
    }

    @Test("Brackets close what they opened", arguments: ["[{]}", "[[}]", #"{"x":[}]"#, #"[{"x":1]]"#])
    func mixed(text: String) {
        #expect(Parsed(#"{"object_id":1,"a":\#(text)}"#).status == 400)
    }
}
