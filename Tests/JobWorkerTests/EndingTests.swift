import Testing

@testable import JobWorker

@Suite struct EndingTests {
    @Test(arguments: [
        (nil, nil, Ending.succeeded),
        ("odd", nil, .failed(message: "odd")),
        (nil, StopReason.timeout, .failed(message: "job exceeded the timeout of 30 s")),
        ("cancelled", .timeout, .failed(message: "job exceeded the timeout of 30 s")),
        (nil, .shutdown, .succeeded),
        ("cancelled", .shutdown, .interrupted),
        (nil, .lostClaim, .lost),
        ("cancelled", .lostClaim, .lost),
    ])
    func isWhatTheHandlerAndTheOrderToStopMakeOfIt(failure: String?, stop: StopReason?, ending: Ending) {
        #expect(Ending(failure: failure, stop: stop, timeout: 30) == ending)
    }
}
