extension Array where Element: Comparable {
    /// The elements in rising order, each once.
    func sortedAndDistinct() -> [Element] {
        var result: [Element] = []
        result.reserveCapacity(count)
        for element in sorted() where result.last != element { result.append(element) }
        return result
    }
}
