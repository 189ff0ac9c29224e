#ifndef TRICENTER_CLINUX_SHIM_H
#define TRICENTER_CLINUX_SHIM_H

// Linux calls that the C library declares only for _GNU_SOURCE, which the Glibc module does not set.

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

long syscall(long number, ...);

/// setns(2): moves the calling thread into a namespace. type: CLONE_NEWNET.
static inline int tricenter_setns(int descriptor, int type) { return (int)syscall(SYS_setns, descriptor, type); }

/// ppoll(2) without a signal mask: poll with nanoseconds. Below zero waits for ever.
static inline int tricenter_ppoll(struct pollfd *descriptors, unsigned long count, long long nanoseconds) {
  struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return (int)syscall(SYS_ppoll, descriptors, count, nanoseconds < 0 ? (struct timespec *)0 : &timeout, (void *)0, 8);
}

#define TRICENTER_CLONE_NEWNET 0x40000000

#endif
