internal import Foundation
internal import Glibc

/// A child process. Foundation's `Process` is not used: it takes a child for running as long as a daemon that the child
/// started does.
package struct Child: Sendable {
    package let pid: Int32

    /// - Parameters:
    ///   - arguments: the program, found in PATH, and its arguments.
    ///   - environment: is added to this process's.
    ///   - input: the file to read; `output` and `error` are made anew.
    package init(
        _ arguments: [String], environment: [String: String], input: String, output: String, error: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // Threads of a test may block signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
        var (words, settings) = (arguments.map { strdup($0) }, variables.map { strdup($0) })
        defer { for pointer in words + settings { free(pointer) } }
        words.append(nil)
        settings.append(nil)
        var child: pid_t = 0
        let code = posix_spawnp(&child, arguments[0], &actions, &attributes, words, settings)
        guard code == 0 else { throw TestFailure("\(arguments[0]): \(String(cString: strerror(code)))") }
        pid = child
    }

    /// Waits for its end; the exit status, or 128 and the signal's number.
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}
