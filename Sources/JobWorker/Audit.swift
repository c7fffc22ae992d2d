internal import JobStorage
internal import Jobs

/// Jobs that wait, less those that have a message in the stream. Holds 8 bytes a job.
struct Audit {
    /// The most jobs that are held at a time.
    static let limit = 1_000_000
    private static let pageSize = 10_000

    /// In rising order.
    private let ids: [JobID]
    private var isAnnounced: [Bool]

    private init(_ ids: [JobID]) {
        self.ids = ids
        isAnnounced = Array(repeating: false, count: ids.count)
    }

    var last: JobID? { ids.last }

    /// The jobs that wait now, as far as they are to be held.
    /// - Parameter goOn: is called before each step; what it throws ends the audit.
    static func page(of store: JobStore, after id: JobID, goOn: () throws -> Void) throws -> Audit {
        var ids: [JobID] = []
        while ids.count < limit {
            try goOn()
            let page = try store.waiting(after: ids.last ?? id, limit: pageSize)
            ids.append(contentsOf: page)
            if page.count < pageSize { break }
        }
        return Audit(ids)
    }

    mutating func subtract(_ stream: JobStream, goOn: () throws -> Void) throws {
        // What was fetched is the business of whoever has it, and may be acknowledged at any moment.
        var last = try stream.lastDelivered()
        while true {
            try goOn()
            let messages = try stream.messages(after: last, count: Audit.pageSize)
            for id in messages.lazy.compactMap(\.jobID) {
                if let index = index(of: id) { isAnnounced[index] = true }
            }
            guard let end = messages.last?.streamID else { return }
            last = end
        }
    }

    func chunks(of size: Int) -> [[JobID]] {
        let missing = ids.indices.filter { !isAnnounced[$0] }.map { ids[$0] }
        return stride(from: 0, to: missing.count, by: size).map { Array(missing[$0..<min($0 + size, missing.count)]) }
    }

    private func index(of id: JobID) -> Int? {
        var range = ids.indices
        while let low = range.first, let high = range.last {
            let middle = (low + high) / 2
            if ids[middle] == id { return middle }
            range = ids[middle] < id ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }
}
