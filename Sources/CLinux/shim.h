#ifndef TRICENTER_CLINUX_SHIM_H
#define TRICENTER_CLINUX_SHIM_H

// Linux calls that the C library declares only for _GNU_SOURCE, which the Glibc module does not set.

#include <poll.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

long syscall(long number, ...);

/// setns(2): moves the calling thread into a namespace. type: CLONE_NEWNET, CLONE_NEWUTS.
static inline int tricenter_setns(int descriptor, int type) { return (int)syscall(SYS_setns, descriptor, type); }

/// ppoll(2) without a signal mask: poll with nanoseconds. Below zero waits for ever.
static inline int tricenter_ppoll(struct pollfd *descriptors, unsigned long count, long long nanoseconds) {
  struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return (int)syscall(SYS_ppoll, descriptors, count, nanoseconds < 0 ? (struct timespec *)0 : &timeout, (void *)0, 8);
}

/// sched_setattr(2) for the calling thread: time slices of so many nanoseconds (100,000 to 100,000,000) instead of the kernel's default,
/// with the policy SCHED_OTHER and the nice value that it has. Kernels before 6.12 take the call and ignore the slice.
static inline int tricenter_request_slice(unsigned long long nanoseconds) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {sizeof attributes, 0, 0, getpriority(PRIO_PROCESS, 0), 0, nanoseconds, 0, 0};
  return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#define TRICENTER_CLONE_NEWNET 0x40000000
#define TRICENTER_CLONE_NEWUTS 0x04000000

#endif
