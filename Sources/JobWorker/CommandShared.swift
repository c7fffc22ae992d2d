import Service
/// What the threads of a handler share. It ends with the last of them.
final class CommandShared: Sendable {
    let program: CommandProgram
    let grace: Duration
    let queue: CommandQueue
    let guardian: CommandGuardian
    let null: CommandDescriptor

    init(program: CommandProgram, grace: Duration, concurrency: Int) throws(SystemError) {
        self.program = program
        self.grace = grace
        queue = try CommandQueue()
        null = try .null()
        guardian = try CommandGuardian(slots: concurrency)
    }
}
