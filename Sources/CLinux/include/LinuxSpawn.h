// Starting a child that cannot outlive the thread that started it. posix_spawn(3) has no PR_SET_PDEATHSIG, and a launcher
// program between the two would cost a second exec for every job.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct linux_command {
    const char *_Nonnull path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    // The child's descriptors 0, 1 and 2; it inherits no other.
    int input, output, error;
    // Where the child publishes its process group before it runs anything: memory shared with the guardian.
    int32_t *_Nonnull group;
};

// Names the calling thread, as ps and top show it; at most 15 bytes.
void linux_name_thread(const char *_Nonnull name);

// A close-on-exec pipe of which only the read end is non-blocking: the flag is the open file's, so the command that gets
// the other end sees it too. Returns 0, or -1 with errno.
int linux_pipe(int *_Nonnull reader, int *_Nonnull writer);

// A signal's name without SIG, such as KILL; null for one that has none.
const char *_Nullable linux_signal_name(int signal);

// Undoes an inherited `SIGCHLD` disposition that has the kernel reap children by itself. Returns 0, or -1 with errno.
int linux_keep_exit_statuses(void);

// Starts the command in a process group of its own, and gives the leader's pid (the group's number too) and a
// close-on-exec pidfd. The child is killed when the calling THREAD ends. Its signals are all default and unblocked.
// Returns 0 or an errno value; on failure nothing is left behind, and `*group` is 0. Needs Linux 5.3.
int linux_spawn(const struct linux_command *_Nonnull command, pid_t *_Nonnull pid, int *_Nonnull pidfd);
