/*
 * A stand-in for the part of macOS's libSystem that a kqueue program calls, for Linux: kqueue,
 * kevent, kevent64, poll, close, ioctl and __error with Darwin's ABI. It exists so that tests can
 * run the code that a Mac runs, and be judged as a Mac judges them: it follows xnu's
 * bsd/kern/kern_event.c step by step, where the filters differ that of the object. It is slow and
 * simple on purpose: one lock guards everything, and it is never held while a call waits.
 *
 * What it cannot have is that an object tells its watchers of a change: each look asks all of them
 * (queue_look), so what came and went between two looks was never there, and what holds is reported
 * even where nothing told of it.
 *
 * What it does not do:
 * - PROC, SIGNAL, VNODE, SOCK, MACHPORT and FS, which are ENOTSUP; the queue of the process (0x20).
 * - Bad memory is EFAULT only where it is NULL.
 * - A number of a queue that is closed while a call waits by it ends the queue for all its
 *   duplicates as well (kqueue_drain); here it ends with the last of them.
 * - dup2(2), and a close(2) that is not this library's, end watchers at the next look, and not
 *   where the number goes on naming the same file.
 * - A queue takes two descriptors, and an EV_CLEAR watcher of a descriptor takes one, so EMFILE may
 *   come earlier.
 *
 * This file is the calls and the queues; knote.c what becomes of a watcher; wait.c how a call waits;
 * filters.c and descriptors.c say when a watcher is ready; hooks.c is for tests alone.
 * Rule numbers (R7) are those of the semantics tests.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Darwin's ioctl is variadic, but FIOCLEX has no third argument; libc's prototype has one. */
int darwin_ioctl(int fd, unsigned long request) __asm__("ioctl");

EXPORT int kqueue(void);
EXPORT int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
                  const struct darwin_timespec *timeout);
EXPORT int kevent64(int kq, const struct kevent64_s *changes, int nchanges, struct kevent64_s *events, int nevents,
                    unsigned flags, const struct darwin_timespec *timeout);
EXPORT int darwin_ioctl(int fd, unsigned long request);
EXPORT int *__error(void);

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
struct queue *queues;

static int queue_call(int kq, const struct list *changes, const struct list *events, unsigned flags,
                      const struct darwin_timespec *timeout);
static int deadline_of(const struct darwin_timespec *timeout, uint64_t *deadline);
static int queue_apply(struct queue *q, const struct list *changes, const struct list *events);
static int queue_scan(struct queue *q, const struct list *events, uint64_t deadline);
static void queue_free(struct queue *q);
static void queues_sweep(void);
static struct kevent64_s list_get(const struct list *list, int index);

/* The C library's face */

int kqueue(void) {
    int error = hook_failure(false);
    if (error != 0) return fail(error);

    int ends[2];
    struct stat file;
    struct queue *q = calloc(1, sizeof *q);
    if (q == NULL) return fail(ENOMEM);
    /* Close-on-exec, as kqueue_internal() makes it. */
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error = errno;
        free(q);
        return fail(error);
    }
    fstat(ends[0], &file);
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
    for (struct queue *q = queues; q != NULL; q = q->next) queue_close_number(q, fd);
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

/* One call of kevent or kevent64: kevent_legacy_internal() and kevent_internal() */

static int queue_call(int kq, const struct list *changes, const struct list *events, unsigned flags,
                      const struct darwin_timespec *timeout) {
    int error = hook_failure(false);
    if (error != 0) return fail(error);

    /* R21: these ask for a kind of queue that kqueue() does not make; the process's own is not there. */
    if ((flags & (0x400 | 0x20000 | 0x40000 | 0x20)) != 0) return fail(EINVAL);

    /* R10: the timeout comes before the descriptor. */
    uint64_t deadline = NEVER;
    if ((flags & KEVENT_FLAG_IMMEDIATE) != 0) {
        deadline = 0;
    } else if (timeout != NULL) {
        error = deadline_of(timeout, &deadline);
        if (error != 0) return fail(error);
    }
    bool wants_events = events->length > 0 && (flags & KEVENT_FLAG_ERROR_EVENTS) == 0;

    struct stat file;
    if (fstat(kq, &file) != 0) return fail(EBADF);
    pthread_mutex_lock(&lock);
    struct queue *q = queue_find(&file);
    if (q == NULL) error = EBADF;
    else if (q->bound == 0) q->bound = (int)changes->record_size;
    else if (q->bound != (int)changes->record_size) error = EINVAL; /* R10a */
    if (error != 0) {
        pthread_mutex_unlock(&lock);
        return fail(error);
    }
    q->users++;
    int result = queue_apply(q, changes, events);
    if (result == 0 && wants_events && deadline != 0) {
        pthread_mutex_unlock(&lock);
        error = hook_failure(true);
        pthread_mutex_lock(&lock);
        if (error != 0) result = -error;
    }
    if (result == 0 && wants_events) result = queue_scan(q, events, deadline);
    q->users--;
    if (q->closed && q->users == 0) queue_free(q);
    pthread_mutex_unlock(&lock);
    return result < 0 ? fail(-result) : result;
}

/* R10: timespec_is_valid() of bsd/kern/kern_time.c takes a whole second of nanoseconds. */
static int deadline_of(const struct darwin_timespec *timeout, uint64_t *deadline) {
    if (timeout->tv_sec < 0 || timeout->tv_sec > INT32_MAX) return EINVAL;
    if (timeout->tv_nsec < 0 || timeout->tv_nsec > 1000000000) return EINVAL;
    uint64_t length = (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
    *deadline = length == 0 ? 0 : clock_now(CLOCK_MONOTONIC) + length;
    return 0;
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
    for (int i = 0; i < changes->length && result == 0; i++) {
        if (changes->records == NULL) return -EFAULT;
        struct kevent64_s change = list_get(changes, i);
        change.flags &= (uint16_t)~EV_SYSFLAGS; /* R16 */
        int error = queue_change(q, &change);
        if (error == 0) changed = true;
        if (error == 0 && (change.flags & EV_RECEIPT) == 0) continue;
        if (reported < events->length) {
            change.flags |= EV_ERROR;
            change.data = error;
            if (list_put(events, reported, &change)) reported++;
            else result = -EFAULT;
        } else if (error != 0) {
            result = -error;
        }
    }
    if (changed) wake_waiting();
    return result < 0 ? result : reported;
}

/* kqueue_scan() */
static int queue_scan(struct queue *q, const struct list *events, uint64_t deadline) {
    for (;;) {
        if (queue_is_closed(q)) return -EBADF;
        queue_look(q);
        int count = queue_process(q, events);
        if (count != 0 || deadline == 0) return count;
        if (deadline != NEVER && clock_now(CLOCK_MONOTONIC) >= deadline) return 0;
        int error = queue_sleep(q, deadline);
        if (error != 0) return -error;
    }
}

/* Queues */

struct queue *queue_find(const struct stat *file) {
    for (struct queue *q = queues; q != NULL; q = q->next) {
        if (q->ino == file->st_ino && q->dev == file->st_dev) return q;
    }
    return NULL;
}

bool queue_is_closed(const struct queue *q) {
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
    /* Those that watch it are stale, and dropped at the next look. */
    for (struct knote *kn = q->watchers; kn != NULL; kn = kn->next_watcher) kn->watched = NULL;
    while (q->newest != NULL) knote_drop(q->newest);
    syscall(SYS_close, q->hangup);
    free(q);
}

/* Lists: a struct kevent is the first 32 bytes of a struct kevent64_s. */

static struct kevent64_s list_get(const struct list *list, int index) {
    struct kevent64_s record = { 0 };
    memcpy(&record, list->records + (size_t)index * list->record_size, list->record_size);
    return record;
}

/* False where there is no memory to put it. */
bool list_put(const struct list *list, int index, const struct kevent64_s *record) {
    if (list->records == NULL) return false;
    memcpy(list->records + (size_t)index * list->record_size, record, list->record_size);
    return true;
}

int fail(int error) {
    errno = error;
    return -1;
}
