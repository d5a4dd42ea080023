/*
 * A stand-in for the part of macOS's libSystem that a kqueue program calls, for Linux: kqueue,
 * kevent, kevent64, close, ioctl and __error with Darwin's ABI, over poll(2). It exists so that
 * tests can run the code that a Mac runs. It is slow and simple on purpose: each call looks at
 * every watcher, one lock guards everything, and the lock is never held while a call waits.
 *
 * This file is the queue; filters.c says when a watcher is ready; hooks.c is for tests alone.
 * Rule numbers (R7) are those of the semantics tests.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Darwin's ioctl is variadic, but FIOCLEX has no third argument; libc's prototype has one. */
int darwin_ioctl(int fd, unsigned long request) __asm__("ioctl");
/* Its nfds_t is 32 bits; the records and their bits are Linux's. */
int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout) __asm__("poll");

EXPORT int kqueue(void);
EXPORT int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
                  const struct darwin_timespec *timeout);
EXPORT int kevent64(int kq, const struct kevent64_s *changes, int nchanges, struct kevent64_s *events, int nevents,
                    unsigned flags, const struct darwin_timespec *timeout);
EXPORT int darwin_ioctl(int fd, unsigned long request);
EXPORT int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout);
EXPORT int *__error(void);

/* How long a wait may go on without another look at the watchers, in ns. */
enum {
    LOOK_AGAIN = 20 * 1000 * 1000, /* a watched descriptor may be closed without this library's close() */
    LOOK_SOON = 2 * 1000 * 1000,   /* a watcher's condition cannot be waited for with poll(2) */
};

enum { NESTING = 8 }; /* queues that watch queues, at most this deep */

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
    int users; /* calls that are using it; the last one frees a closed queue */

    struct knote **knotes;
    size_t count, capacity;
    size_t cursor; /* where the next look starts (R18) */
};

/* A change list or an event list, of records of either size. */
struct list {
    char *records;
    int length;
    size_t record_size;
};

/* What a call is to wait for, gathered with the lock held. */
struct rest {
    struct pollfd *set;
    nfds_t used, room;
    uint64_t time; /* ns; NEVER: until something happens */
    bool failed;   /* out of memory */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct queue *queues;

/*
 * Readable while waiting calls are to look again, whatever they wait for. A wake-up lasts until
 * each call that was waiting when it was given has seen it.
 */
static int wake = -1;
static uint64_t wakeups;
static int waiting, unaware;

static int queue_call(int kq, const struct list *changes, const struct list *events, unsigned flags,
                      const struct darwin_timespec *timeout);
static int queue_apply(struct queue *q, const struct list *changes, const struct list *events);
static int queue_change(struct queue *q, struct kevent64_s *change);
static int queue_wait(struct queue *q, const struct list *events, uint64_t deadline);
static int queue_collect(struct queue *q, const struct list *events);
static int queue_sleep(struct queue *q, uint64_t deadline);
static void rest_begin(struct rest *rest, uint64_t deadline);
static void rest_add(struct rest *rest, int fd, short events);
static void rest_add_queue(struct rest *rest, const struct queue *q, int depth);
static int rest_take(struct rest *rest);
static void wake_waiting(void);
static struct queue *queue_find(const struct stat *file);
static bool queue_is_closed(struct queue *q);
static void queue_free(struct queue *q);
static void queues_sweep(void);
static int knote_add(struct queue *q, const struct kevent64_s *change);
static int known_error(const struct knote *kn);
static size_t knote_find(const struct queue *q, const struct kevent64_s *change);
static void knote_drop(struct queue *q, size_t index);
static struct kevent64_s list_get(const struct list *list, int index);
static void list_put(const struct list *list, int index, const struct kevent64_s *record);
static int fail(int error);

/* The C library's face */

int kqueue(void) {
    int error = hook_failure(false);
    if (error != 0) return fail(error);

    int ends[2] = { -1, -1 };
    struct stat file;
    struct queue *q = calloc(1, sizeof *q);
    if (q == NULL) return fail(ENOMEM);
    /* Close-on-exec, as kqueue_internal() of bsd/kern/kern_event.c makes it. */
    if (pipe2(ends, O_CLOEXEC) != 0 || fstat(ends[0], &file) != 0) {
        error = errno;
        if (ends[0] >= 0) {
            syscall(SYS_close, ends[0]);
            syscall(SYS_close, ends[1]);
        }
        free(q);
        return fail(error);
    }
    q->hangup = ends[1];
    q->dev = file.st_dev;
    q->ino = file.st_ino;

    pthread_mutex_lock(&lock);
    queues_sweep();
    q->next = queues;
    queues = q;
    pthread_mutex_unlock(&lock);
    return ends[0];
}

int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
           const struct darwin_timespec *timeout) {
    hook_record_call(1, kq, changes, nchanges, events, nevents, 0, timeout);
    return queue_call(kq, &(struct list){ (char *)changes, nchanges, sizeof *changes },
                      &(struct list){ (char *)events, nevents, sizeof *events }, 0, timeout);
}

int kevent64(int kq, const struct kevent64_s *changes, int nchanges, struct kevent64_s *events, int nevents,
             unsigned flags, const struct darwin_timespec *timeout) {
    hook_record_call(2, kq, changes, nchanges, events, nevents, flags, timeout);
    return queue_call(kq, &(struct list){ (char *)changes, nchanges, sizeof *changes },
                      &(struct list){ (char *)events, nevents, sizeof *events }, flags, timeout);
}

EXPORT int close(int fd) {
    /* R9: watchers go with their descriptor, before its number can mean another file. */
    pthread_mutex_lock(&lock);
    for (struct queue *q = queues; q != NULL; q = q->next) {
        bool dropped = false;
        for (size_t i = q->count; i-- > 0;) {
            const struct knote *kn = q->knotes[i];
            if (!is_descriptor_filter(kn->filter) || kn->ident != (uint64_t)fd) continue;
            knote_drop(q, i);
            dropped = true;
        }
        if (dropped) wake_waiting();
    }
    pthread_mutex_unlock(&lock);

    int result = (int)syscall(SYS_close, fd);
    int error = errno;
    pthread_mutex_lock(&lock);
    queues_sweep();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int darwin_ioctl(int fd, unsigned long request) {
    int error = hook_failure(false);
    if (error != 0) return fail(error);
    if (fcntl(fd, F_GETFD) < 0) return -1;
    if (request != DARWIN_FIOCLEX) return fail(ENOTTY);
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int *__error(void) {
    return &errno;
}

/* One call of kevent or kevent64 */

static int queue_call(int kq, const struct list *changes, const struct list *events, unsigned flags,
                      const struct darwin_timespec *timeout) {
    int error = hook_failure(false);
    if (error != 0) return fail(error);

    /* R21: what these ask for needs a kind of queue that kqueue() does not make. */
    if ((flags & (0x400 | 0x20000 | 0x40000)) != 0) return fail(EINVAL);

    uint64_t deadline = NEVER;
    if ((flags & KEVENT_FLAG_IMMEDIATE) != 0) {
        deadline = 0;
    } else if (timeout != NULL) {
        /* R10; Darwin's limit on the seconds is that of its own timespec_is_valid(). */
        if (timeout->tv_sec < 0 || timeout->tv_sec > INT32_MAX) return fail(EINVAL);
        if (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000) return fail(EINVAL);
        uint64_t length = (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
        deadline = length == 0 ? 0 : clock_now(CLOCK_MONOTONIC) + length;
    }
    if ((changes->length > 0 && changes->records == NULL) || (events->length > 0 && events->records == NULL)) {
        return fail(EFAULT);
    }
    bool may_wait = deadline != 0 && events->length > 0 && (flags & KEVENT_FLAG_ERROR_EVENTS) == 0;

    struct stat file;
    if (fstat(kq, &file) != 0) return fail(EBADF);
    pthread_mutex_lock(&lock);
    struct queue *q = queue_find(&file);
    if (q == NULL) {
        pthread_mutex_unlock(&lock);
        return fail(EBADF);
    }
    q->users++;
    int result = queue_apply(q, changes, events);
    if (result == 0 && may_wait) {
        pthread_mutex_unlock(&lock);
        error = hook_failure(true);
        pthread_mutex_lock(&lock);
        if (error != 0) result = -error;
    }
    if (result == 0 && events->length > 0 && (flags & KEVENT_FLAG_ERROR_EVENTS) == 0) {
        result = queue_wait(q, events, deadline);
    }
    q->users--;
    if (q->closed && q->users == 0) queue_free(q);
    pthread_mutex_unlock(&lock);
    return result < 0 ? fail(-result) : result;
}

/*
 * Applies all changes in order (R6) and gives how many failures and receipts it wrote to the
 * event list, or a negated errno (R7). A record is taken out of the change list before anything
 * is written over it (R8): no more are written than were taken.
 */
static int queue_apply(struct queue *q, const struct list *changes, const struct list *events) {
    int reported = 0;
    bool changed = false;
    int result = 0;
    for (int i = 0; i < changes->length; i++) {
        struct kevent64_s change = list_get(changes, i);
        int error = queue_change(q, &change);
        if (error == 0) changed = true;
        if (error == 0 && (change.flags & EV_RECEIPT) == 0) continue;
        if (reported < events->length) {
            change.flags |= EV_ERROR;
            change.data = error;
            list_put(events, reported++, &change);
        } else if (error != 0) {
            result = -error;
            break;
        }
    }
    if (changed) wake_waiting();
    return result < 0 ? result : reported;
}

/* Applies one change; what the kernel strips from its flags is gone from a receipt, too. */
static int queue_change(struct queue *q, struct kevent64_s *change) {
    change->flags &= (uint16_t)~EV_SYSFLAGS;
    if (change->filter >= 0 || change->filter < -EVFILT_SYSCOUNT) return EINVAL; /* R2 */
    const unsigned vanishing = EV_ADD | EV_DISPATCH | EV_UDATA_SPECIFIC;
    if ((change->flags & EV_VANISHED) != 0 && (change->flags & vanishing) != vanishing) return EINVAL; /* R20 */
    if (!is_implemented(change->filter) || (change->flags & EV_UDATA_SPECIFIC) != 0) return ENOTSUP;
    if ((change->flags & EV_DELETE) != 0) change->flags &= (uint16_t)~EV_ADD; /* R3 */
    if ((change->flags & EV_DISABLE) != 0) change->flags &= (uint16_t)~EV_ENABLE;

    size_t index = knote_find(q, change);
    if (index < q->count && knote_is_stale(q->knotes[index])) {
        knote_drop(q, index);
        index = q->count;
    }
    if (index == q->count) return (change->flags & EV_ADD) != 0 ? knote_add(q, change) : ENOENT;
    if ((change->flags & EV_DELETE) != 0) {
        knote_drop(q, index);
        return 0;
    }

    struct knote *kn = q->knotes[index];
    int error = knote_touch(kn, change);
    if (error != 0) return error;
    kn->udata = change->udata;
    memcpy(kn->ext, change->ext, sizeof kn->ext);
    kn->changed = true; /* R1: whatever holds now is reported again */
    if ((change->flags & EV_DISABLE) != 0) kn->disabled = true;
    if ((change->flags & EV_ENABLE) != 0) kn->disabled = false;
    return 0;
}

static int queue_wait(struct queue *q, const struct list *events, uint64_t deadline) {
    for (;;) {
        if (queue_is_closed(q)) return -EBADF;
        int count = queue_collect(q, events);
        if (count > 0 || deadline == 0) return count;
        if (deadline != NEVER && clock_now(CLOCK_MONOTONIC) >= deadline) return 0;
        int error = queue_sleep(q, deadline);
        if (error != 0) return -error;
    }
}

/*
 * Examines each watcher once, and stops when the list is full: the next call starts with the
 * first that was left out, so none starves (R18).
 */
static int queue_collect(struct queue *q, const struct list *events) {
    int found = 0;
    size_t i = q->cursor;
    for (size_t left = q->count; left > 0 && found < events->length; left--) {
        if (i >= q->count) i = 0;
        struct knote *kn = q->knotes[i];
        struct kevent64_s event;
        enum verdict verdict = kn->disabled ? QUIET : knote_examine(kn, &event, NESTING);
        if (verdict == READY) {
            list_put(events, found++, &event);
            knote_reported(kn, &event);
            if ((kn->flags & EV_ONESHOT) != 0) verdict = GONE; /* R12 */
            else if ((kn->flags & EV_DISPATCH) != 0) kn->disabled = true; /* R14 */
        }
        if (verdict == GONE) knote_drop(q, i);
        else i++;
    }
    q->cursor = found == events->length ? i : 0;
    return found;
}

/* Waits without the lock until something may be ready; 0 or an errno. */
static int queue_sleep(struct queue *q, uint64_t deadline) {
    struct rest rest;
    rest_begin(&rest, deadline);
    rest_add(&rest, q->hangup, 0);
    rest_add_queue(&rest, q, NESTING);
    return rest_take(&rest);
}

/* poll(2), which takes a queue for readable when it has something to report (R22) */

int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout) {
    int error = hook_poll(nfds, timeout);
    if (error != 0) return fail(error);

    uint64_t deadline = timeout == 0 ? 0 : NEVER;
    if (timeout > 0) deadline = clock_now(CLOCK_MONOTONIC) + (uint64_t)timeout * 1000000u;
    pthread_mutex_lock(&lock);
    int result;
    for (;;) {
        struct rest rest;
        rest_begin(&rest, deadline);
        result = 0;
        for (unsigned i = 0; i < nfds; i++) {
            struct pollfd *one = &fds[i];
            struct stat file;
            int64_t ready;
            one->revents = 0;
            if (one->fd < 0) continue;
            if (fstat(one->fd, &file) != 0) {
                one->revents = POLLNVAL;
            } else if (queue_watched(&file, NESTING, &ready)) {
                if (ready > 0) one->revents = one->events & (POLLIN | POLLRDNORM);
                rest_add_queue(&rest, queue_find(&file), NESTING);
            } else {
                struct pollfd now = { .fd = one->fd, .events = one->events };
                if (ppoll(&now, 1, &(struct timespec){ 0 }, NULL) == 1) one->revents = now.revents;
                rest_add(&rest, one->fd, one->events);
            }
            if (one->revents != 0) result++;
        }
        if (result > 0 || deadline == 0 || (deadline != NEVER && clock_now(CLOCK_MONOTONIC) >= deadline)) {
            free(rest.set);
            break;
        }
        error = rest_take(&rest);
        if (error != 0) {
            result = -error;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return result < 0 ? fail(-result) : result;
}

/* Waiting */

__attribute__((constructor)) static void make_wake(void) {
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void rest_begin(struct rest *rest, uint64_t deadline) {
    uint64_t now = clock_now(CLOCK_MONOTONIC);
    *rest = (struct rest){ .time = deadline == NEVER ? NEVER : deadline > now ? deadline - now : 0 };
    rest_add(rest, wake, POLLIN);
}

static void rest_add(struct rest *rest, int fd, short events) {
    if (rest->used == rest->room) {
        nfds_t room = rest->room == 0 ? 16 : 2 * rest->room;
        struct pollfd *set = realloc(rest->set, room * sizeof *set);
        if (set == NULL) {
            rest->failed = true;
            return;
        }
        rest->set = set;
        rest->room = room;
    }
    rest->set[rest->used++] = (struct pollfd){ .fd = fd, .events = events };
}

/* All that may make one of the queue's watchers ready. */
static void rest_add_queue(struct rest *rest, const struct queue *q, int depth) {
    struct rlimit limit; /* poll(2) takes no more than a process may have open */
    getrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < q->count; i++) {
        const struct knote *kn = q->knotes[i];
        if (kn->disabled) continue;
        uint64_t left = knote_time_left(kn);
        if (is_descriptor_filter(kn->filter)) {
            struct stat file;
            const struct queue *watched = fstat((int)kn->ident, &file) == 0 ? queue_find(&file) : NULL;
            bool polled = !kn->busy && rest->used < limit.rlim_cur;
            left = polled ? LOOK_AGAIN : LOOK_SOON;
            if (watched != NULL && depth > 0) {
                left = LOOK_AGAIN;
                rest_add_queue(rest, watched, depth - 1);
            } else if (polled && kn->edges >= 0) {
                rest_add(rest, kn->edges, POLLIN);
            } else if (polled) {
                rest_add(rest, (int)kn->ident, knote_poll_events(kn));
            }
        }
        if (left < rest->time) rest->time = left;
    }
}

/* Waits without the lock, and frees what was gathered; 0 or an errno. */
static int rest_take(struct rest *rest) {
    if (rest->failed) {
        free(rest->set);
        return ENOMEM;
    }
    uint64_t seen = wakeups;
    waiting++;
    pthread_mutex_unlock(&lock);
    struct timespec time = { .tv_sec = (time_t)(rest->time / 1000000000u),
                             .tv_nsec = (long)(rest->time % 1000000000u) };
    int error = ppoll(rest->set, rest->used, rest->time == NEVER ? NULL : &time, NULL) < 0 ? errno : 0;
    free(rest->set);
    pthread_mutex_lock(&lock);
    waiting--;
    eventfd_t drained;
    if (seen != wakeups && --unaware == 0) eventfd_read(wake, &drained);
    return error;
}

/* Makes every call that is waiting look again (R62). */
static void wake_waiting(void) {
    if (waiting == 0) return;
    if (unaware == 0) eventfd_write(wake, 1);
    unaware = waiting;
    wakeups++;
}

/* Queues */

static struct queue *queue_find(const struct stat *file) {
    for (struct queue *q = queues; q != NULL; q = q->next) {
        if (q->ino == file->st_ino && q->dev == file->st_dev) return q;
    }
    return NULL;
}

static bool queue_is_closed(struct queue *q) {
    struct pollfd end = { .fd = q->hangup };
    return q->closed || (ppoll(&end, 1, &(struct timespec){ 0 }, NULL) == 1 && (end.revents & POLLERR) != 0);
}

/* Takes the queues that no descriptor stands for any more off the list. */
static void queues_sweep(void) {
    for (struct queue **link = &queues; *link != NULL;) {
        struct queue *q = *link;
        if (!queue_is_closed(q)) {
            link = &q->next;
            continue;
        }
        *link = q->next;
        q->closed = true;
        if (q->users == 0) queue_free(q);
    }
}

static void queue_free(struct queue *q) {
    while (q->count > 0) knote_drop(q, q->count - 1);
    syscall(SYS_close, q->hangup);
    free(q->knotes);
    free(q);
}

/* R22: whether the file is a queue, and how many of its watchers are ready. */
bool queue_watched(const struct stat *file, int depth, int64_t *ready) {
    struct queue *q = queue_find(file);
    if (q == NULL) return false;
    *ready = 0;
    for (size_t i = 0; depth > 0 && i < q->count; i++) {
        struct kevent64_s event;
        if (!q->knotes[i]->disabled && knote_examine(q->knotes[i], &event, depth - 1) == READY) ++*ready;
    }
    return true;
}

/* Gives the error that one watcher's look took out of a socket to all that watch it. */
void queue_remember_error(const struct knote *from, int error) {
    for (struct queue *q = queues; q != NULL; q = q->next) {
        for (size_t i = 0; i < q->count; i++) {
            struct knote *kn = q->knotes[i];
            if (is_descriptor_filter(kn->filter) && kn->ino == from->ino && kn->dev == from->dev) kn->error = error;
        }
    }
}

/* Watchers of a queue */

static int knote_add(struct queue *q, const struct kevent64_s *change) {
    struct stat file;
    if (is_descriptor_filter(change->filter)) {
        if (change->ident > INT32_MAX || fstat((int)change->ident, &file) != 0) return EBADF; /* R5 */
        const struct queue *watched = queue_find(&file);
        /* A queue is only watched for reading, and never by itself. */
        if (watched == q || (watched != NULL && change->filter != EVFILT_READ)) return EINVAL;
    }
    if (q->count == q->capacity) {
        size_t capacity = q->capacity == 0 ? 16 : 2 * q->capacity;
        struct knote **knotes = realloc(q->knotes, capacity * sizeof *knotes);
        if (knotes == NULL) return ENOMEM;
        q->knotes = knotes;
        q->capacity = capacity;
    }
    struct knote *kn = calloc(1, sizeof *kn);
    if (kn == NULL) return ENOMEM;
    *kn = (struct knote){ .ident = change->ident,
                          .filter = change->filter,
                          .flags = change->flags,
                          .udata = change->udata,
                          .ext = { change->ext[0], change->ext[1] },
                          .disabled = (change->flags & EV_DISABLE) != 0,
                          .edges = -1 };
    int error = knote_attach(kn, change);
    if (error != 0) {
        free(kn);
        return error;
    }
    kn->error = known_error(kn);
    q->knotes[q->count++] = kn;
    return 0;
}

/* The error that a watcher of the same file has seen: asking took it out of the socket. */
static int known_error(const struct knote *kn) {
    if (!is_descriptor_filter(kn->filter)) return 0;
    for (const struct queue *q = queues; q != NULL; q = q->next) {
        for (size_t i = 0; i < q->count; i++) {
            const struct knote *other = q->knotes[i];
            if (is_descriptor_filter(other->filter) && other->ino == kn->ino && other->dev == kn->dev) return other->error;
        }
    }
    return 0;
}

/* The index of the change's watcher, or the number of watchers where it has none. */
static size_t knote_find(const struct queue *q, const struct kevent64_s *change) {
    size_t i = 0;
    while (i < q->count && (q->knotes[i]->ident != change->ident || q->knotes[i]->filter != change->filter)) i++;
    return i;
}

static void knote_drop(struct queue *q, size_t index) {
    knote_detach(q->knotes[index]);
    free(q->knotes[index]);
    q->count--;
    memmove(&q->knotes[index], &q->knotes[index + 1], (q->count - index) * sizeof *q->knotes);
    if (q->cursor > index) q->cursor--;
}

/* Lists: a struct kevent is the first 32 bytes of a struct kevent64_s. */

static struct kevent64_s list_get(const struct list *list, int index) {
    struct kevent64_s record = { 0 };
    memcpy(&record, list->records + (size_t)index * list->record_size, list->record_size);
    return record;
}

static void list_put(const struct list *list, int index, const struct kevent64_s *record) {
    memcpy(list->records + (size_t)index * list->record_size, record, list->record_size);
}

static int fail(int error) {
    errno = error;
    return -1;
}
