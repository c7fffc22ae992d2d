#define _GNU_SOURCE
#include "CLinux.h"
#include "LinuxDescriptors.h"
#include "LinuxSignals.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

// Runs in a fork of a process with threads: async-signal-safe calls only, and it never returns. Every signal that can be
// blocked is, so that a SIGTERM to the whole service does not take the guardian before the worker it watches.
static _Noreturn void guard(int lifeline, const int32_t *groups, size_t count) {
    (void)setsid();  // Out of the worker's process group: what is sent to that does not arrive here.
    (void)prctl(PR_SET_NAME, "job-guardian");
    (void)chdir("/");
    if (lifeline > 0) linux_close_range(0, (unsigned)lifeline - 1);
    linux_close_range((unsigned)lifeline + 1, ~0U);

    char byte;
    ssize_t got;
    do got = read(lifeline, &byte, 1);
    while (got > 0 || (got < 0 && errno == EINTR));

    for (size_t slot = 0; slot < count; slot++) {
        const pid_t group = __atomic_load_n(&groups[slot], __ATOMIC_ACQUIRE);
        if (group > 1) (void)kill(-group, SIGKILL);
    }
    _exit(0);
}

int linux_guardian_start(size_t count, struct linux_guardian *guardian) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return errno;
    const size_t bytes = count * sizeof(int32_t);
    int32_t *groups = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int error = groups == MAP_FAILED ? errno : 0;
    pid_t pid = -1;
    if (error == 0) {
        const linux_signals old = linux_mask_signals(LINUX_ALL_SIGNALS);
        pid = fork();
        if (pid == 0) guard(ends[0], groups, count);
        error = pid < 0 ? errno : 0;
        (void)linux_mask_signals(old);
    }
    (void)close(ends[0]);
    if (error != 0) {
        (void)close(ends[1]);
        if (groups != MAP_FAILED) (void)munmap(groups, bytes);
        return error;
    }
    *guardian = (struct linux_guardian){.pid = pid, .lifeline = ends[1], .groups = groups, .count = count};
    return 0;
}

void linux_clear_group(int32_t *slot) {
    __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
}

void linux_guardian_stop(struct linux_guardian *guardian) {
    (void)close(guardian->lifeline);
    while (waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    (void)munmap(guardian->groups, guardian->count * sizeof(int32_t));
    guardian->groups = NULL;
}
