import Foundation
import Testing

@testable import JobAPI

@Suite("JSON beside Foundation's", .timeLimit(.minutes(2)))
struct JSONDifferentialTests {
    @Test("Both take the same bodies for JSON, and read the same object_id", arguments: UInt64(1)...8)
    func same(seed: UInt64) {
        var mutations = JSONMutations(seed: seed)
        var right = 0
        for _ in 0..<10_000 {
            let body = mutations.body()
            let ours = Parsed(body)
            let theirs = try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)
            let text = String(decoding: body, as: UTF8.self)
            #expect(ours.isJSON == (theirs != nil), "\(text.debugDescription) \(ours)")
            if case .accepted(let id) = ours {
                right += 1
                #expect((theirs as? [String: Any])?["object_id"] as? Int == Int(id), "\(text.debugDescription)")
            }
        }
        // Both kinds must be plenty, or the comparison says little.
        #expect((500...9_500).contains(right))
    }
}
