#define _GNU_SOURCE
#include "CLinux.h"
#include "LinuxDescriptors.h"
#include "LinuxSignals.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdalign.h>
#include <string.h>
#include <sys/wait.h>

// The child shares the parent's memory until it executes (CLONE_VM), and the calling thread is suspended that long
// (CLONE_VFORK). So: every signal stays blocked until no handler of the parent's is left to run, the child has a stack of
// its own, and it makes nothing but async-signal-safe calls.
//
// Nothing can slip away while the worker is being killed. The child has a copy of the worker's descriptors, the write end
// of the guardian's pipe among them, until it closes them below. By then its group is in the shared table. So the
// guardian, which waits for the last write end to close, never acts on a table that lacks a child.

#if __has_feature(thread_sanitizer)
// The sanitizer, which keeps a record of each thread in that memory, takes every clone for a fork. What the child then
// fails at before it executes shows as its exit status 127.
#define SHARED_MEMORY 0
#else
#define SHARED_MEMORY CLONE_VM
#endif

struct start {
    const struct linux_command *command;
    pid_t worker;
    volatile int error;
};

// A source below 3 would be overwritten by a dup2 before its turn, and dup2 onto itself would leave it close-on-exec.
static int lift(int fd) {
    return fd < 3 ? fcntl(fd, F_DUPFD, 3) : fd;
}

static int connect_standard(const struct linux_command *command) {
    const int input = lift(command->input), output = lift(command->output), error = lift(command->error);
    if (input < 0 || output < 0 || error < 0) return -1;
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0) return -1;
    linux_close_range(3, ~0U);
    return 0;
}

static void reset_signals(void) {
    // The kernel's own structure, all zero: SIG_DFL. glibc's sigaction refuses its two internal signals, and its posix_spawn
    // leaves one of them ignored in whatever it starts, which may be this worker.
    static const uint64_t action[8];
    for (int signal = 1; signal < NSIG; signal++) {
        (void)syscall(SYS_rt_sigaction, signal, action, NULL, sizeof(linux_signals));
    }
    (void)linux_mask_signals(LINUX_NO_SIGNALS);
}

static int child(void *argument) {
    struct start *start = argument;
    const struct linux_command *command = start->command;
    if (setpgid(0, 0) < 0) goto failed;
    __atomic_store_n(command->group, getpid(), __ATOMIC_RELEASE);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
    // The worker may have died before the line above; then no signal comes any more.
    if (getppid() != start->worker) _exit(127);
    if (connect_standard(command) < 0) goto failed;
    reset_signals();
    (void)execve(command->path, command->arguments, command->environment);
failed:
    start->error = errno;
    _exit(127);
}

void linux_name_thread(const char *name) {
    (void)prctl(PR_SET_NAME, name);
}

int linux_pipe(int *reader, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

const char *linux_signal_name(int signal) {
    return sigabbrev_np(signal);
}

int linux_keep_exit_statuses(void) {
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) < 0) return -1;
    if (action.sa_handler == SIG_IGN) action.sa_handler = SIG_DFL;
    action.sa_flags &= ~SA_NOCLDWAIT;
    return sigaction(SIGCHLD, &action, NULL);
}

int linux_spawn(const struct linux_command *command, pid_t *pid, int *pidfd) {
    alignas(16) char stack[32 * 1024];
    struct start start = {.command = command, .worker = getpid(), .error = 0};
    *pidfd = -1;

    const linux_signals old = linux_mask_signals(LINUX_ALL_SIGNALS);
    const int flags = SHARED_MEMORY | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    *pid = clone(child, stack + sizeof stack, flags, &start, pidfd);
    int error = *pid < 0 ? errno : start.error;
    (void)linux_mask_signals(old);

    if (*pid < 0) return error;
    if (error == 0 && *pidfd >= 0) return 0;

    // Not executed, or a kernel that knows no pidfd. The slot goes before the pid does, as everywhere.
    if (error == 0) error = ENOSYS;
    (void)kill(-*pid, SIGKILL);
    __atomic_store_n(command->group, 0, __ATOMIC_RELEASE);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (*pidfd >= 0) (void)close(*pidfd);
    return error;
}
