internal import Glibc

/// The corresponding C type is `sigset_t`.
struct SignalSet {
    private(set) var raw = sigset_t()

    /// The given signals.
    init(_ signals: [Int32]) {
        sigemptyset(&raw)
        for signal in signals { sigaddset(&raw, signal) }
    }

    /// Every signal but those by which the processor reports a fault of the thread itself: blocked, they would end the
    /// process without the backtrace.
    static var asynchronous: SignalSet {
        var set = SignalSet([])
        sigfillset(&set.raw)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&set.raw, signal) }
        return set
    }

    /// Blocks the set in the calling thread, beside what it blocks already.
    func block() {
        var set = raw
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Makes the set the calling thread's mask.
    ///
    /// - Returns: what the thread blocked before.
    @discardableResult
    func install() -> SignalSet {
        var set = raw
        var before = SignalSet([])
        pthread_sigmask(SIG_SETMASK, &set, &before.raw)
        return before
    }

    /// Waits until one of the set, blocked in this thread, arrives. The corresponding C function is `sigwait`.
    func wait() -> Int32 {
        var set = raw
        var signal: Int32 = 0
        while sigwait(&set, &signal) != 0 {}
        return signal
    }
}
