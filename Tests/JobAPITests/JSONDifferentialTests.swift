import Foundation
import Testing

@testable import JobAPI

@Suite("JSON beside Foundation's", .timeLimit(.minutes(2)))
struct JSONDifferentialTests {
    @Test("Both take the same bodies for JSON, and read the same object_id", arguments: UInt64(1)...8)
    func same(seed: UInt64) {
        var mutations = JSONMutations(seed: seed)
        var accepted = 0
        for _ in 0..<10_000 {
            let body = mutations.body()
            let ours = Parsed(body)
            let theirs = try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)
            let text = String(decoding: body, as: UTF8.self).debugDescription
            if theirs != nil {
                #expect(Parsed(withoutLiberties(body)).isJSON, "\(text): \(ours)")
            } else {
                #expect(!ours.isJSON || hasHugeNumber(body), "\(text): \(ours)")
            }
            if case .accepted(let id) = ours, let theirs {
                accepted += 1
                #expect((theirs as? [String: Any])?["object_id"] as? Int == Int(id), "\(text)")
            }
        }
        // Both kinds must be plenty, or the comparison says little.
        #expect((2_000...8_000).contains(accepted))
    }

    /// The body without what Foundation takes and RFC 8259 does not have: a byte order mark, and the comma before a
    /// closing bracket.
    private func withoutLiberties(_ body: [UInt8]) -> [UInt8] {
        var body = body
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { body.removeFirst(3) }
        while case .fault(_, let detail) = Parsed(body),
            let match = detail.firstMatch(of: /unexpected '[\]}]' at byte (\d+): a (name|value)/),
            let position = Int(match.1),
            let comma = body[..<position].lastIndex(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }),
            body[comma] == UInt8(ascii: ",")
        {
            body.remove(at: comma)
        }
        return body
    }

    /// Whether there may be a number beyond `Double`, which Foundation refuses.
    private func hasHugeNumber(_ body: [UInt8]) -> Bool {
        String(decoding: body, as: UTF8.self).contains(/[0-9][eE][+]?[0-9]{3}/)
    }
}
