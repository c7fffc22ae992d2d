// The process that kills the process groups of a worker that was itself killed.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct linux_guardian {
    pid_t pid;
    // The write end of the pipe that tells the guardian that every process holding it is gone. Close-on-exec.
    int lifeline;
    // `count` process groups in memory shared with the guardian; 0 is an empty slot.
    int32_t *_Nullable groups;
    size_t count;
};

// Forks the guardian. Returns 0 or an errno value.
int linux_guardian_start(size_t count, struct linux_guardian *_Nonnull guardian);

// Empties a slot: of a group that has been killed, and whose leader is not reaped yet.
void linux_clear_group(int32_t *_Nonnull slot);

// Lets the guardian go (it kills what the slots still name), waits for it, and gives the memory back.
void linux_guardian_stop(struct linux_guardian *_Nonnull guardian);
