// Closing descriptors by range, also where the kernel (before 5.9) or a sandbox has no close_range.
#pragma once
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void linux_close_range(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    // Everything we open is close-on-exec; this is for what others opened, and a limit of a thousand million is not walked.
    const rlim_t most = 1 << 16;
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t end = limit.rlim_cur < most ? limit.rlim_cur : most;
    for (rlim_t fd = first; fd <= last && fd < end; fd++) (void)close((int)fd);
}
