/*
 * Darwin's <sys/event.h> as this stand-in needs it: records, constants and the parts the library
 * is made of. Layouts and values are Darwin's; errno values are those of the platform it runs on.
 */
#ifndef KQUEUE_DARWIN_H
#define KQUEUE_DARWIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

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

enum {
    EVFILT_READ = -1,
    EVFILT_WRITE = -2,
    EVFILT_VNODE = -4,
    EVFILT_TIMER = -7,
    EVFILT_USER = -10,
    EVFILT_SOCK = -13,
    EVFILT_EXCEPT = -15,
    EVFILT_NW_CHANNEL = -16,
    EVFILT_SYSCOUNT = 18,
};

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
    EV_DISPATCH2 = EV_DISPATCH | EV_UDATA_SPECIFIC,
    EV_VANISHED = 0x0200,
    EV_SYSFLAGS = 0xf000,
    EV_ERROR = 0x4000,
    EV_EOF = 0x8000,
};

enum { KEVENT_FLAG_IMMEDIATE = 1, KEVENT_FLAG_ERROR_EVENTS = 2 };

/* fflags of EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT */
#define NOTE_LOWAT 0x00000001u
#define NOTE_OOB 0x00000002u

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
#define NOTE_LEEWAY 0x00000010u
#define NOTE_MACH_CONTINUOUS_TIME 0x00000080u
#define NOTE_MACHTIME 0x00000100u

/* ioctl(2): close on exec */
#define DARWIN_FIOCLEX 0x20006601ul

#define NEVER UINT64_MAX

/* What a watcher is in; names and meanings are those of bsd/sys/eventvar.h. */
enum status {
    ACTIVE = 1,       /* its filter said that it has something to report */
    QUEUED = 2,       /* it is in its queue's line of those to be looked at */
    DISABLED = 4,
    SUPPRESSED = 8,   /* it was looked at in this call, and comes back into the line at its end */
    DEFER_DELETE = 16, /* R20: deleted while disabled; a last event tells when it is gone */
    VANISHED = 32,     /* R20: its descriptor was closed, and it asked to be told */
    WANTS_VANISHED = 64,
};

/* What kind of file a descriptor has, as far as the filters differ. */
enum kind { STREAM, DATAGRAM, PIPE, FIFO, REGULAR, TERMINAL, MASTER, DEVICE, QUEUE, OTHER };

struct queue;
struct filter;

enum { KNOTE_BUCKETS = 64 }; /* CONFIG_KN_HASHSIZE, of all queues of a process there */

/* One watcher of a queue (R1). */
struct knote {
    struct queue *queue;
    struct knote *older, *newer;  /* of the queue's watchers */
    struct knote *next;           /* in its bucket */
    struct knote *before, *after; /* in the queue's line */
    unsigned status;
    const struct filter *does;

    uint64_t ident;
    int16_t filter;
    uint16_t flags;  /* those of the registration without EV_SYSFLAGS, and what the filter added (R16) */
    uint32_t fflags; /* to be reported */
    uint32_t asked;  /* fflags and data as they were asked for */
    int64_t data;
    uint64_t udata;
    uint64_t ext[2];

    /* Filters of descriptors: the open file that was registered */
    enum kind kind;
    dev_t dev;
    ino_t ino;
    int error;       /* what SO_ERROR said: reading it clears it */
    bool busy;       /* poll(2) reports something, but nothing that this watcher is to report */
    int edges;       /* EV_CLEAR: an epoll descriptor, edge-triggered; -1 where epoll takes no such file */
    int64_t mark[3]; /* the file's state when it was last looked at */
    struct queue *watched;
    struct knote *next_watcher; /* of the watched queue */

    /* EVFILT_TIMER, on its clock, in ns */
    bool armed;      /* it has not fired yet */
    uint64_t due;    /* 0: at once */
    uint64_t period; /* 0: it fires once */
    uint64_t leeway;

    /* EVFILT_USER; EVFILT_TIMER: it fired and was not reported */
    bool fired;
};

/* A filter's routines. Those that return a truth say whether the watcher has something to report. */
struct filter {
    bool is_descriptor;
    /* A new watcher, its fields set; *error is not 0 when it is refused. */
    bool (*attach)(struct knote *kn, int *error);
    void (*detach)(struct knote *kn);
    /* Whether something happened since it was last asked that may be reported. */
    bool (*posted)(struct knote *kn);
    /* A change of a watcher that is there (R1); *error is not 0 when it is refused, and nothing changed. */
    bool (*touch)(struct knote *kn, const struct kevent64_s *change, int *error);
    /* The event to report, if there still is one. */
    bool (*process)(struct knote *kn, struct kevent64_s *event);
};

/*
 * A queue's descriptor is the read end of a pipe in which nothing is ever written: the pipe's
 * inode says which queue a descriptor stands for, whatever its number (dup, number reused), and
 * the write end, which is ours, hangs up when the last such descriptor is closed, by whomever.
 */
struct queue {
    struct queue *next;
    dev_t dev;
    ino_t ino;
    int hangup; /* the pipe's write end */
    bool closed;
    int users;      /* calls that are using it; the last one frees a closed queue */
    int bound;      /* R10a: the size of the records of its first call; 0 before that */
    int level;      /* R22: of the queues in it and around it */
    uint64_t round;    /* when it was last looked at */
    uint64_t gathered; /* for which wait, last */

    struct knote *oldest, *newest;      /* its watchers */
    struct knote *buckets[KNOTE_BUCKETS]; /* the same by ident */
    struct knote *first, *last; /* the line of those that may have something to report */
    int64_t queued;             /* how many stand in it */
    struct knote *watchers;     /* of other queues, of this one */
};

/* A change list or an event list, of records of either size. */
struct list {
    char *records;
    int length;
    size_t record_size;
};

/* kqueue.c. All of the functions from here on are called with the lock held, hook_… apart. */
extern pthread_mutex_t lock;
extern struct queue *queues;
struct queue *queue_find(const struct stat *file);
bool queue_is_closed(const struct queue *q);
bool list_put(const struct list *list, int index, const struct kevent64_s *record);
int fail(int error);

/* knote.c */
int queue_change(struct queue *q, struct kevent64_s *change);
void queue_look(struct queue *q);
int queue_process(struct queue *q, const struct list *events);
void queue_close_number(struct queue *q, int fd);
void knote_activate(struct knote *kn);
void knote_drop(struct knote *kn);

/* wait.c */
int queue_sleep(struct queue *q, uint64_t deadline);
void wake_waiting(void);

/* filters.c */
extern const struct filter timer_filter, user_filter, absent_filter;
uint64_t clock_now(clockid_t clock);
uint64_t timer_left(const struct knote *kn);
void fill_event(struct knote *kn, struct kevent64_s *event, int64_t data);

/* descriptors.c */
extern const struct filter descriptor_filter;
bool descriptor_is_stale(const struct knote *kn);
short descriptor_poll_events(const struct knote *kn);

/* hooks.c */
void hook_record_call(int function, int kq, const void *changes, int nchanges, const void *events, int nevents,
                      unsigned flags, const struct darwin_timespec *timeout);
int hook_failure(bool blocking);
int hook_poll(unsigned nfds, int timeout);

#endif
