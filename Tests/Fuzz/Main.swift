internal import Glibc

/// libFuzzer's loop: it calls the function with one input after the other, and ends the process.
@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

private typealias Target = @Sendable (UnsafeRawBufferPointer) -> Void

private let targets: [String: Target] = [
    "json": fuzzJSON, "http": fuzzHTTP, "stream": fuzzStream, "settings": fuzzSettings,
]
private let target = CommandLine.arguments.dropFirst().first.flatMap { targets[$0] }

/// Tries a reader with bytes that libFuzzer makes up: `fuzz json`, and then what libFuzzer takes.
@main struct Main {
    static func main() {
        guard target != nil else {
            print(
                "usage: fuzz \(targets.keys.sorted().joined(separator: "|")) [-max_total_time=SECONDS] [CORPUS...|INPUT...]"
            )
            exit(64)
        }
        // libFuzzer expects a program's name, and then what is meant for it.
        var count = CommandLine.argc - 1
        var arguments = CommandLine.unsafeArgv + 1
        exit(runLibFuzzer(&count, &arguments, tryOne))
    }
}

/// Has the name that libFuzzer's own `main` looks for, which is linked too and never runs.
@_cdecl("LLVMFuzzerTestOneInput")
func tryOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target?(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

/// Ends the process where something does not hold: libFuzzer keeps the input.
func check(_ holds: Bool, _ what: @autoclosure () -> String) {
    if !holds { fatalError(what()) }
}
