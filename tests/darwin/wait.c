/*
 * How a call waits: all that may make it return is handed to ppoll(2), the lock let go.
 *
 * What it does not do: a poll of anything but a queue is Linux's, with Linux's answers (a device is no
 * POLLNVAL, a pipe without readers is POLLERR). The superuser may not give more records than
 * descriptors, and POLLEXTEND, POLLATTRIB, POLLNLINK and POLLWRITE are not there.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* Its nfds_t is 32 bits; the records and their bits are Linux's. */
int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout) __asm__("poll");
EXPORT int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout);

/* How long a wait may go on without another look at the watchers, in ns. */
enum {
    LOOK_AGAIN = 20 * 1000 * 1000, /* a watched descriptor may be closed without this library's close() */
    LOOK_SOON = 2 * 1000 * 1000,   /* a watcher's condition cannot be waited for with poll(2) */
};

enum { OPEN_MOST = 10240 }; /* OPEN_MAX of bsd/sys/syslimits.h */

enum { READING = POLLIN | POLLRDNORM | POLLPRI | POLLRDBAND | POLLHUP, WRITING = POLLOUT | POLLWRNORM | POLLWRBAND };

/* What a call is to wait for, gathered with the lock held. */
struct rest {
    struct pollfd *set;
    nfds_t used, room;
    uint64_t time;  /* ns; NEVER: until something happens */
    uint64_t limit; /* poll(2) takes no more than a process may have open */
    uint64_t number; /* of the call */
    bool failed;     /* out of memory */
};

/* What one record of poll(2) stands for from the call's beginning on. */
struct polled {
    short asked; /* 0: nothing, or its descriptor was closed meanwhile */
    dev_t dev;
    ino_t ino;
};

/*
 * Readable while waiting calls are to look again, whatever they wait for. A wake-up lasts until
 * each call that was waiting when it was given has seen it.
 */
static int wake = -1;
static uint64_t wakeups;
static int waiting, unaware;

static bool poll_begin(struct pollfd *fds, unsigned nfds, struct polled *all);
static int poll_look(struct pollfd *fds, unsigned nfds, struct polled *all, struct rest *rest);
static void rest_begin(struct rest *rest, uint64_t deadline);
static void rest_add(struct rest *rest, int fd, short events);
static void rest_add_queue(struct rest *rest, struct queue *q);
static int rest_take(struct rest *rest);

__attribute__((constructor)) static void make_wake(void) {
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* Waits without the lock until something may be ready; 0 or an errno. */
int queue_sleep(struct queue *q, uint64_t deadline) {
    struct rest rest;
    rest_begin(&rest, deadline);
    rest_add(&rest, q->hangup, 0);
    rest_add_queue(&rest, q);
    return rest_take(&rest);
}

/* Makes every call that is waiting look again (R62). */
void wake_waiting(void) {
    if (waiting == 0) return;
    if (unaware == 0) eventfd_write(wake, 1);
    unaware = waiting;
    wakeups++;
}

/* poll(2), as poll_nocancel() of bsd/kern/sys_generic.c has it: a queue around those that are polled (R22) */

int darwin_poll(struct pollfd *fds, unsigned nfds, int timeout) {
    int error = hook_poll(nfds, timeout);
    if (error != 0) return fail(error);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (nfds > OPEN_MOST || nfds > limit.rlim_cur) return fail(EINVAL);
    if (nfds > 0 && fds == NULL) return fail(EFAULT);
    struct polled *all = calloc(nfds + 1, sizeof *all);
    if (all == NULL) return fail(EAGAIN);
    uint64_t deadline = timeout == 0 ? 0 : NEVER;
    if (timeout > 0) deadline = clock_now(CLOCK_MONOTONIC) + (uint64_t)timeout * 1000000u;

    pthread_mutex_lock(&lock);
    /* One that is refused keeps the call from waiting for the others. */
    if (!poll_begin(fds, nfds, all)) deadline = 0;
    int result;
    for (;;) {
        struct rest rest;
        rest_begin(&rest, deadline);
        result = poll_look(fds, nfds, all, &rest);
        if (result > 0 || deadline == 0 || (deadline != NEVER && clock_now(CLOCK_MONOTONIC) >= deadline)) {
            free(rest.set);
            break;
        }
        error = rest_take(&rest);
        if (error == 0) continue;
        result = -error;
        break;
    }
    pthread_mutex_unlock(&lock);
    free(all);
    return result < 0 ? fail(-result) : result;
}

/* What kevent_register() makes of each record; false when one is refused. */
static bool poll_begin(struct pollfd *fds, unsigned nfds, struct polled *all) {
    bool is_valid = true;
    for (unsigned i = 0; i < nfds; i++) {
        struct stat file;
        fds[i].revents = 0;
        short asked = fds[i].events & (READING | WRITING);
        if (fds[i].fd < 0 || asked == 0) continue;
        bool is_open = fstat(fds[i].fd, &file) == 0;
        struct queue *q = is_open ? queue_find(&file) : NULL;
        /* R22: a queue is not written, and the call's own queue around it is one level more. */
        if (!is_open || (q != NULL && ((asked & WRITING) != 0 || q->level > 9))) {
            fds[i].revents = POLLNVAL;
            is_valid = false;
            continue;
        }
        if (q != NULL && q->level == 0) q->level = 1;
        all[i] = (struct polled){ asked, file.st_dev, file.st_ino };
        /* A second record for a descriptor takes the first one's place, for what both ask. */
        for (unsigned j = 0; j < i; j++) {
            if (fds[j].fd != fds[i].fd) continue;
            if ((asked & READING) != 0) all[j].asked &= (short)~READING;
            if ((asked & WRITING) != 0) all[j].asked &= (short)~WRITING;
        }
    }
    return is_valid;
}

/* Fills in what has happened, and gives the number of records that say something; what has not is added to the rest. */
static int poll_look(struct pollfd *fds, unsigned nfds, struct polled *all, struct rest *rest) {
    int result = 0;
    for (unsigned i = 0; i < nfds; i++) {
        struct stat file;
        if (all[i].asked != 0) {
            bool is_same = fstat(fds[i].fd, &file) == 0 && file.st_ino == all[i].ino && file.st_dev == all[i].dev;
            if (!is_same) all[i].asked = 0;
        }
        struct queue *q = all[i].asked != 0 ? queue_find(&file) : NULL;
        if (q != NULL) {
            queue_look(q);
            if (q->queued > 0) fds[i].revents = all[i].asked & (POLLIN | POLLRDNORM);
            rest_add_queue(rest, q);
        } else if (all[i].asked != 0) {
            struct pollfd now = { .fd = fds[i].fd, .events = all[i].asked };
            if (ppoll(&now, 1, &(struct timespec){ 0 }, NULL) == 1) fds[i].revents = now.revents;
            if ((now.revents & POLLHUP) != 0) fds[i].revents |= all[i].asked & (POLLIN | POLLRDNORM);
            rest_add(rest, fds[i].fd, all[i].asked);
        }
        if (fds[i].revents != 0) result++;
    }
    return result;
}

/* The rest of a call */

static void rest_begin(struct rest *rest, uint64_t deadline) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    uint64_t now = clock_now(CLOCK_MONOTONIC);
    static uint64_t number;
    *rest = (struct rest){ .number = ++number,
                           .time = deadline == NEVER ? NEVER : deadline > now ? deadline - now : 0,
                           .limit = limit.rlim_cur };
    rest_add(rest, wake, POLLIN);
}

static void rest_add(struct rest *rest, int fd, short events) {
    if (rest->used == rest->limit) {
        if (rest->time > LOOK_SOON) rest->time = LOOK_SOON;
        return;
    }
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
static void rest_add_queue(struct rest *rest, struct queue *q) {
    if (q->queued > 0) return; /* only a first one wakes anybody */
    if (q->gathered == rest->number) return; /* it is in a ring, which kqueue_kqfilter() may overlook, or in two others */
    q->gathered = rest->number;
    for (const struct knote *kn = q->oldest; kn != NULL; kn = kn->newer) {
        if ((kn->status & (DISABLED | ACTIVE | VANISHED)) != 0) continue;
        uint64_t left = NEVER;
        if (kn->watched != NULL) {
            left = LOOK_AGAIN;
            rest_add_queue(rest, kn->watched);
        } else if (kn->does == &timer_filter) {
            left = timer_left(kn);
        } else if (kn->does == &descriptor_filter) {
            left = kn->busy ? LOOK_SOON : LOOK_AGAIN;
            if (kn->edges >= 0) rest_add(rest, kn->edges, POLLIN);
            else if (!kn->busy) rest_add(rest, (int)kn->ident, descriptor_poll_events(kn));
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
