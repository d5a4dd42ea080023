/*
 * Darwin's <sys/event.h> as this stand-in needs it: records, constants and the parts the library
 * is made of. Layouts and values are Darwin's; errno values are those of the platform it runs on.
 */
#ifndef KQUEUE_DARWIN_H
#define KQUEUE_DARWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Everything else is built with -fvisibility=hidden. */
#define EXPORT __attribute__((visibility("default")))

struct kevent {
    uint64_t ident; /* uintptr_t */
    int16_t filter;
    uint16_t flags;
    uint32_t fflags;
    int64_t data;   /* intptr_t */
    uint64_t udata; /* void * */
};

struct kevent64_s {
    uint64_t ident;
    int16_t filter;
    uint16_t flags;
    uint32_t fflags;
    int64_t data;
    uint64_t udata;
    uint64_t ext[2];
};

struct darwin_timespec {
    int64_t tv_sec;
    int64_t tv_nsec;
};

#define AT(type, field, offset) \
    _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " is not where Darwin has it")
#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type " is not of Darwin's size")

SIZE(kevent, 32);
AT(kevent, ident, 0);
AT(kevent, filter, 8);
AT(kevent, flags, 10);
AT(kevent, fflags, 12);
AT(kevent, data, 16);
AT(kevent, udata, 24);

SIZE(kevent64_s, 48);
AT(kevent64_s, ident, 0);
AT(kevent64_s, filter, 8);
AT(kevent64_s, flags, 10);
AT(kevent64_s, fflags, 12);
AT(kevent64_s, data, 16);
AT(kevent64_s, udata, 24);
AT(kevent64_s, ext, 32);

SIZE(darwin_timespec, 16);
AT(darwin_timespec, tv_sec, 0);
AT(darwin_timespec, tv_nsec, 8);

enum { EVFILT_READ = -1, EVFILT_WRITE = -2, EVFILT_TIMER = -7, EVFILT_USER = -10, EVFILT_SYSCOUNT = 18 };

enum {
    EV_ADD = 0x0001,
    EV_DELETE = 0x0002,
    EV_ENABLE = 0x0004,
    EV_DISABLE = 0x0008,
    EV_ONESHOT = 0x0010,
    EV_CLEAR = 0x0020,
    EV_RECEIPT = 0x0040,
    EV_DISPATCH = 0x0080,
    EV_UDATA_SPECIFIC = 0x0100,
    EV_VANISHED = 0x0200,
    EV_SYSFLAGS = 0xf000,
    EV_ERROR = 0x4000,
    EV_EOF = 0x8000,
};

enum { KEVENT_FLAG_IMMEDIATE = 1, KEVENT_FLAG_ERROR_EVENTS = 2 };

/* fflags of EVFILT_READ and EVFILT_WRITE */
#define NOTE_LOWAT 0x00000001u

/* fflags of EVFILT_USER */
#define NOTE_TRIGGER 0x01000000u
#define NOTE_FFAND 0x40000000u
#define NOTE_FFOR 0x80000000u
#define NOTE_FFCOPY 0xc0000000u
#define NOTE_FFCTRLMASK 0xc0000000u
#define NOTE_FFLAGSMASK 0x00ffffffu

/* fflags of EVFILT_TIMER */
#define NOTE_SECONDS 0x00000001u
#define NOTE_USECONDS 0x00000002u
#define NOTE_NSECONDS 0x00000004u
#define NOTE_ABSOLUTE 0x00000008u
#define NOTE_MACHTIME 0x00000100u

/* ioctl(2): close on exec */
#define DARWIN_FIOCLEX 0x20006601ul

/* One watcher of a queue (R1). */
struct knote {
    uint64_t ident;
    int16_t filter;
    uint16_t flags; /* as registered, without EV_SYSFLAGS (R16) */
    uint32_t fflags;
    int64_t data;
    uint64_t udata;
    uint64_t ext[2];
    bool disabled;

    /* EVFILT_READ, EVFILT_WRITE: the open file that was registered */
    dev_t dev;
    ino_t ino;
    int error;     /* what SO_ERROR said: reading it clears it */
    bool busy;     /* poll(2) reports something, but nothing that this watcher is to report */
    bool changed;  /* EV_CLEAR: there was a change of state since the last report */
    int edges;     /* EV_CLEAR: an epoll descriptor, edge-triggered; -1 where epoll takes no such file */
    uint64_t mark; /* EV_CLEAR without epoll: the state when it was last looked at */

    /* EVFILT_TIMER */
    uint64_t due; /* ns on the timer's clock; UINT64_MAX: never again */
    uint64_t period;

    /* EVFILT_USER */
    bool triggered;
};

/* kqueue.c, for the filters; called with the lock held */
bool queue_watched(const struct stat *file, int depth, int64_t *ready);
void queue_remember_error(const struct knote *from, int error);

/* filters.c */
enum verdict { QUIET, READY, GONE };
#define NEVER UINT64_MAX
uint64_t clock_now(int clock);
bool is_descriptor_filter(int filter);
bool is_implemented(int filter);
int knote_attach(struct knote *kn, const struct kevent64_s *change);
int knote_touch(struct knote *kn, const struct kevent64_s *change);
void knote_detach(struct knote *kn);
bool knote_is_stale(const struct knote *kn);
enum verdict knote_examine(struct knote *kn, struct kevent64_s *event, int depth);
void knote_reported(struct knote *kn, const struct kevent64_s *event);
short knote_poll_events(const struct knote *kn);
uint64_t knote_time_left(const struct knote *kn);

/* hooks.c */
void hook_record_call(int function, int kq, const void *changes, int nchanges, const void *events, int nevents,
                      unsigned flags, const struct darwin_timespec *timeout);
int hook_failure(bool blocking);
int hook_poll(unsigned nfds, int timeout);

#endif
