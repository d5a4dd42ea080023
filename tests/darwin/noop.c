/*
 * The same table of functions with kevent and kevent64 that do nothing: what is left of a call's
 * time over this library is the caller's own. kqueue() gives a real descriptor, so that closing
 * it harms nobody.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int darwin_ioctl(int fd, unsigned long request) __asm__("ioctl");

EXPORT int kqueue(void) {
    return eventfd(0, EFD_CLOEXEC);
}

EXPORT int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
                  const struct darwin_timespec *timeout) {
    (void)kq, (void)changes, (void)nchanges, (void)events, (void)nevents, (void)timeout;
    return 0;
}

EXPORT int kevent64(int kq, const struct kevent64_s *changes, int nchanges, struct kevent64_s *events, int nevents,
                    unsigned flags, const struct darwin_timespec *timeout) {
    (void)kq, (void)changes, (void)nchanges, (void)events, (void)nevents, (void)flags, (void)timeout;
    return 0;
}

EXPORT int close(int fd) {
    return (int)syscall(SYS_close, fd);
}

EXPORT int darwin_ioctl(int fd, unsigned long request) {
    (void)fd, (void)request;
    return 0;
}

EXPORT int *__error(void) {
    return &errno;
}
