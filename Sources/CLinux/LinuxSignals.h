// The calling thread's signal mask by the bare system call: glibc's functions leave its two internal signals unblocked,
// and a handler that ran in a child sharing the parent's memory would corrupt the parent.
#pragma once
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef uint64_t linux_signals;
#define LINUX_ALL_SIGNALS (~(linux_signals)0)
#define LINUX_NO_SIGNALS ((linux_signals)0)

static inline linux_signals linux_mask_signals(linux_signals mask) {
    linux_signals old = LINUX_NO_SIGNALS;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof mask);
    return old;
}
