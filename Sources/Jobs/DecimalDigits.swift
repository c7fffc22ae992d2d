extension FixedWidthInteger {
    /// The value of decimal digits; nil for anything else, and for what does not fit.
    @inlinable
    package init?(decimal digits: some Sequence<UInt8>) {
        var (value, isEmpty) = (Self.zero, true)
        for digit in digits {
            guard case UInt8(ascii: "0")...UInt8(ascii: "9") = digit else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Self(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            (value, isEmpty) = (sum, false)
        }
        guard !isEmpty else { return nil }
        self = value
    }
}
