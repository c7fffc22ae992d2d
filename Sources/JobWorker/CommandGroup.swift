import Glibc

/// The processes of one group, leader or not.
struct CommandGroup: Sendable {
    let number: pid_t

    /// Sends a signal to all of them.
    func signal(_ signal: Int32) { _ = kill(-number, signal) }

    /// Waits until all of them have ended, a second at most: one in an uninterruptible wait is not ours to end.
    func awaitEnd() {
        let deadline = ContinuousClock.now + .seconds(1)
        var pause: UInt32 = 100
        while kill(-number, 0) == 0 && ContinuousClock.now < deadline {
            // Orphans are this process's own where it is pid 1 of a container: nobody else would reap them.
            if waitpid(-number, nil, WNOHANG) > 0 { continue }
            // A signal "reaches" zombies too, and not every init reaps at once. Looking closer costs more than a pause.
            if pause > 400 && !hasLivingMember() { return }
            usleep(pause)
            pause = min(pause * 2, 20_000)
        }
    }

    private func hasLivingMember() -> Bool {
        guard let directory = opendir("/proc") else { return true }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name) else { continue }
            if let state = state(of: pid), state != UInt8(ascii: "Z"), state != UInt8(ascii: "X") { return true }
        }
        return false
    }

    /// The state of a process, as in /proc/PID/stat; `nil` where it is gone or not of this group.
    private func state(of pid: pid_t) -> UInt8? {
        guard getpgid(pid) == number else { return nil }
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // `pid (name) state`: a name has at most 15 bytes, any bytes, so the last parenthesis ends it.
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            let text = buffer[..<max(0, read(file, buffer.baseAddress, buffer.count))]
            guard let end = text.lastIndex(of: UInt8(ascii: ")")), end + 2 < text.endIndex else { return nil }
            return text[end + 2]
        }
    }
}
