import CLinux
import Glibc
import Service

/// The process that kills what the commands started, when the worker itself was killed.
///
/// The kernel kills a command's own process with the worker (`PR_SET_PDEATHSIG`), but not what that started in turn.
/// The guardian waits for the worker's end and then kills the process groups whose numbers stand in shared memory, a slot
/// for each thread that runs commands. If somebody kills the guardian, it is not replaced: the commands then still die with
/// their worker, only what they started may not.
///
/// The order that leaves no gap and hits no stranger:
/// 1. The child makes its group and publishes it itself, before it closes its copy of the pipe that the guardian waits on.
/// 2. When the leader ends it stays a zombie, which holds the group's number, until it is reaped.
/// 3. The worker kills the group, clears the slot, and only then reaps the leader.
///
/// A worker killed between any two of these leaves a slot that names its own group, or 0. One step cannot be closed: with
/// the worker gone, init reaps the leader, and if nothing else is left in the group the number is free before the guardian
/// kills it. It would have to be given out again, all others having been used up, in those microseconds.
final class CommandGuardian: @unchecked Sendable {  // Written in init and deinit only; the slots are atomic, in C.
    private var guardian = linux_guardian()
    private let groups: UnsafeMutablePointer<Int32>

    init(slots: Int) throws(SystemError) {
        let error = linux_guardian_start(slots, &guardian)
        guard error == 0, let groups = guardian.groups else {
            throw SystemError(call: "start job-guardian", code: error)
        }
        self.groups = groups
    }

    deinit { linux_guardian_stop(&guardian) }

    func slot(_ number: Int) -> UnsafeMutablePointer<Int32> { groups + number }
}
