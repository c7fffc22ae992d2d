// The Linux calls that Swift's Glibc module does not import.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// accept4(listener, NULL, NULL, SOCK_CLOEXEC). It needs _GNU_SOURCE, which in a header would make this module's view of
// the C library differ from Swift's.
int linux_accept(int listener);
#include "LinuxGuardian.h"
#include "LinuxSpawn.h"
