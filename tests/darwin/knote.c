/*
 * What becomes of a watcher: changes, the line of those that may have something to report, and how
 * that is emptied. Each function names the one of bsd/kern/kern_event.c that it follows.
 *
 * What it does not do: put watchers into the line in the order of what happened. A look finds timers
 * first, by their times, and then the others, oldest first; there each happening puts its own
 * watchers in, newest first.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <stdlib.h>

static const struct filter *filter_of(int filter);
static struct knote *knote_find(const struct queue *q, const struct kevent64_s *change);
static int knote_add(struct queue *q, struct kevent64_s *change);
static int knote_delete(struct knote *kn, const struct kevent64_s *change);
static int knote_touch(struct knote *kn, const struct kevent64_s *change);
static bool is_ending(const struct knote *kn);
static void knote_accept(struct knote *kn, const struct kevent64_s *change, bool is_active);
static void knote_lose_descriptor(struct knote *kn);
static bool knote_process(struct knote *kn, struct kevent64_s *event, bool *is_last);
static void knote_enqueue(struct knote *kn);
static void knote_dequeue(struct knote *kn);
static void queue_wake_up(struct queue *q);
static void timers_fire(struct queue *q);
static int compare_due(const void *a, const void *b);
static size_t bucket_of(uint64_t ident);

/* kevent_register(): applies one change, and gives an errno or 0. What it strips from the flags is gone from a receipt. */
int queue_change(struct queue *q, struct kevent64_s *change) {
    if (change->filter >= 0 || change->filter < -EVFILT_SYSCOUNT) return EINVAL; /* R2 */
    const unsigned vanishing = EV_ADD | EV_DISPATCH2;
    if ((change->flags & EV_VANISHED) != 0 && (change->flags & vanishing) != vanishing) return EINVAL; /* R20 */
    if ((change->flags & EV_DELETE) != 0) change->flags &= (uint16_t)~EV_ADD; /* R3 */
    if ((change->flags & EV_DISABLE) != 0) change->flags &= (uint16_t)~EV_ENABLE;

    struct knote *kn = knote_find(q, change);
    if (kn != NULL && kn->does->is_descriptor && (kn->status & VANISHED) == 0 && descriptor_is_stale(kn)) {
        /* Closed without this library's close(): what that would have done comes late. */
        knote_lose_descriptor(kn);
        kn = knote_find(q, change);
    }
    if (kn == NULL) return (change->flags & EV_ADD) != 0 ? knote_add(q, change) : ENOENT; /* R4 */
    if ((change->flags & EV_DELETE) != 0) return knote_delete(kn, change);
    return knote_touch(kn, change);
}

static const struct filter *filter_of(int filter) {
    switch (filter) {
    case EVFILT_READ:
    case EVFILT_WRITE:
    case EVFILT_EXCEPT:
    case EVFILT_VNODE:
    case EVFILT_SOCK:
    case EVFILT_NW_CHANNEL: return &descriptor_filter;
    case EVFILT_TIMER: return &timer_filter;
    case EVFILT_USER: return &user_filter;
    default: return &absent_filter;
    }
}

/* knote_fdfind(): R20 makes udata part of the identity. */
static struct knote *knote_find(const struct queue *q, const struct kevent64_s *change) {
    bool is_specific = (change->flags & EV_UDATA_SPECIFIC) != 0;
    for (struct knote *kn = q->buckets[bucket_of(change->ident)]; kn != NULL; kn = kn->next) {
        if (kn->ident != change->ident || kn->filter != change->filter) continue;
        if (is_specific != ((kn->flags & EV_UDATA_SPECIFIC) != 0)) continue;
        if (!is_specific || kn->udata == change->udata) return kn;
    }
    return NULL;
}

static size_t bucket_of(uint64_t ident) {
    return (ident ^ ident >> 8) % KNOTE_BUCKETS;
}

static int knote_add(struct queue *q, struct kevent64_s *change) {
    struct knote *kn = calloc(1, sizeof *kn);
    if (kn == NULL) return ENOMEM;
    unsigned status = 0;
    if ((change->flags & EV_VANISHED) != 0) status |= WANTS_VANISHED;
    if ((change->flags & EV_DISABLE) != 0) status |= DISABLED;
    uint16_t flags = change->flags;
    change->flags &= (uint16_t)~EV_VANISHED;
    *kn = (struct knote){ .queue = q,
                          .status = status,
                          .does = filter_of(change->filter),
                          .ident = change->ident,
                          .filter = change->filter,
                          .flags = change->flags,
                          .asked = change->fflags,
                          .data = change->data,
                          .udata = change->udata,
                          .ext = { change->ext[0], change->ext[1] },
                          .edges = -1 };
    int error = 0;
    bool is_active = kn->does->attach(kn, &error);
    if (error != 0) {
        /* EV_VANISHED is taken out once the descriptor is found. */
        if (error == EBADF) change->flags = flags;
        free(kn);
        return error;
    }
    kn->next = q->buckets[bucket_of(kn->ident)];
    q->buckets[bucket_of(kn->ident)] = kn;
    kn->older = q->newest;
    if (kn->older == NULL) q->oldest = kn;
    else kn->older->newer = kn;
    q->newest = kn;
    knote_accept(kn, change, is_active);
    return 0;
}

/* R20: one that is disabled and was to be EV_DISPATCH2 is told of its end in an event, once it is enabled. */
static int knote_delete(struct knote *kn, const struct kevent64_s *change) {
    bool is_deferred = (change->flags & EV_ENABLE) == 0 && (kn->flags & EV_DISPATCH2) == EV_DISPATCH2 &&
                       (kn->status & DISABLED) != 0;
    if (is_deferred) {
        kn->status |= DEFER_DELETE;
        return EINPROGRESS;
    }
    knote_drop(kn);
    return 0;
}

static int knote_touch(struct knote *kn, const struct kevent64_s *change) {
    bool is_active;
    if (is_ending(kn)) {
        is_active = (change->flags & EV_ENABLE) != 0;
    } else {
        int error = 0;
        is_active = kn->does->touch(kn, change, &error);
        if (error != 0) return error;
    }
    kn->udata = change->udata;
    if ((change->flags & EV_DISABLE) != 0 && (kn->status & DISABLED) == 0) {
        kn->status |= DISABLED;
        knote_dequeue(kn);
    }
    knote_accept(kn, change, is_active);
    return 0;
}

/* Whether all that is left for it to report is its end. */
static bool is_ending(const struct knote *kn) {
    return (kn->status & (DEFER_DELETE | VANISHED)) != 0;
}

/* knote_apply_touch() */
static void knote_accept(struct knote *kn, const struct kevent64_s *change, bool is_active) {
    if ((change->flags & EV_ENABLE) != 0) kn->status &= ~(unsigned)DISABLED;
    if (is_active) knote_activate(kn);
    else knote_enqueue(kn);
}

void knote_drop(struct knote *kn) {
    struct queue *q = kn->queue;
    knote_dequeue(kn);
    if ((kn->status & VANISHED) == 0) kn->does->detach(kn);
    struct knote **link = &q->buckets[bucket_of(kn->ident)];
    while (*link != kn) link = &(*link)->next;
    *link = kn->next;
    if (kn->older == NULL) q->oldest = kn->newer;
    else kn->older->newer = kn->newer;
    if (kn->newer == NULL) q->newest = kn->older;
    else kn->newer->older = kn->older;
    free(kn);
}

/* knote_fdclose(): a descriptor of this process was closed (R9). */
void queue_close_number(struct queue *q, int fd) {
    for (struct knote *kn = q->buckets[bucket_of((uint64_t)fd)], *next; kn != NULL; kn = next) {
        next = kn->next;
        if (!kn->does->is_descriptor || kn->ident != (uint64_t)fd || (kn->status & VANISHED) != 0) continue;
        knote_lose_descriptor(kn);
        wake_waiting();
    }
}

static void knote_lose_descriptor(struct knote *kn) {
    if ((kn->status & WANTS_VANISHED) == 0) {
        knote_drop(kn);
        return;
    }
    kn->does->detach(kn);
    kn->status |= VANISHED;
    knote_activate(kn);
}

/* Asks all watchers of a queue, and of the queues in it, whether something has happened: what knote() is told by objects. */
void queue_look(struct queue *q) {
    static uint64_t round, depth;
    if (depth == 0) round++;
    if (q->round == round) return;
    q->round = round;
    depth++;
    timers_fire(q);
    for (struct knote *kn = q->oldest, *newer; kn != NULL; kn = newer) {
        newer = kn->newer;
        if (is_ending(kn)) continue;
        if (kn->does->is_descriptor && descriptor_is_stale(kn)) knote_lose_descriptor(kn);
        else if (kn->watched != NULL) queue_look(kn->watched);
        /* A timer that was set again while it stood in the line is to expire there. */
        else if (((kn->status & ACTIVE) == 0 || kn->does == &timer_filter) && kn->does->posted(kn)) knote_activate(kn);
    }
    depth--;
}

/* Timers come in the order in which they were due (filt_timerexpire()). */
static void timers_fire(struct queue *q) {
    size_t count = 0;
    for (const struct knote *kn = q->oldest; kn != NULL; kn = kn->newer) {
        if (kn->does == &timer_filter && timer_left(kn) == 0) count++;
    }
    struct knote **due = count > 1 ? malloc(count * sizeof *due) : NULL;
    if (due == NULL) return; /* queue_look() will do */
    size_t found = 0;
    for (struct knote *kn = q->oldest; kn != NULL && found < count; kn = kn->newer) {
        if (kn->does == &timer_filter && timer_left(kn) == 0) due[found++] = kn;
    }
    qsort(due, found, sizeof *due, compare_due);
    for (size_t i = 0; i < found; i++) {
        due[i]->does->posted(due[i]);
        knote_activate(due[i]);
    }
    free(due);
}

static int compare_due(const void *a, const void *b) {
    uint64_t first = (*(struct knote *const *)a)->due, second = (*(struct knote *const *)b)->due;
    return first < second ? -1 : first > second;
}

/*
 * kqueue_process(): empties the line into the event list, and gives how many events it wrote, or a
 * negated errno. Who was looked at comes back to the line's end when all is done, if it is to (R18).
 */
int queue_process(struct queue *q, const struct list *events) {
    struct knote *seen = NULL, **end = &seen;
    int found = 0;
    while (q->first != NULL && found >= 0 && found < events->length) {
        struct knote *kn = q->first;
        knote_dequeue(kn);
        kn->status &= ~(unsigned)ACTIVE;
        kn->status |= SUPPRESSED;
        struct kevent64_s event;
        bool is_last = false;
        bool is_ready = knote_process(kn, &event, &is_last);
        if (is_last) {
            knote_drop(kn);
        } else {
            kn->after = NULL;
            *end = kn;
            end = &kn->after;
        }
        if (is_ready) found = list_put(events, found, &event) ? found + 1 : -EFAULT;
    }
    while (seen != NULL) {
        struct knote *kn = seen;
        seen = kn->after;
        kn->after = NULL;
        kn->status &= ~(unsigned)SUPPRESSED;
        knote_enqueue(kn);
    }
    return found;
}

/* Whether it has an event, and whether that is its last. */
static bool knote_process(struct knote *kn, struct kevent64_s *event, bool *is_last) {
    if (is_ending(kn)) {
        bool is_delete = (kn->status & DEFER_DELETE) != 0;
        *event = (struct kevent64_s){ .ident = kn->ident, .filter = kn->filter, .udata = kn->udata };
        event->flags = EV_DISPATCH2 | EV_ONESHOT | (is_delete ? EV_DELETE : EV_VANISHED);
    } else if (!kn->does->process(kn, event)) {
        return false;
    }
    if ((event->flags & EV_ONESHOT) != 0) { /* R12 */
        if ((kn->flags & EV_DISPATCH2) == EV_DISPATCH2 && (kn->status & DEFER_DELETE) == 0) {
            kn->status |= DEFER_DELETE | DISABLED;
        } else {
            *is_last = true;
        }
    } else if ((kn->flags & EV_DISPATCH) != 0) { /* R14 */
        kn->status |= DISABLED;
    } else if ((kn->flags & EV_CLEAR) == 0) { /* R11: it is looked at again in the next call */
        knote_activate(kn);
    }
    return true;
}

void knote_activate(struct knote *kn) {
    kn->status |= ACTIVE;
    knote_enqueue(kn);
}

static void knote_enqueue(struct knote *kn) {
    struct queue *q = kn->queue;
    if ((kn->status & ACTIVE) == 0 || (kn->status & (DISABLED | SUPPRESSED | QUEUED)) != 0) return;
    bool was_empty = q->first == NULL;
    kn->status |= QUEUED;
    kn->before = q->last;
    kn->after = NULL;
    if (was_empty) q->first = kn;
    else q->last->after = kn;
    q->last = kn;
    q->queued++;
    if (was_empty) queue_wake_up(q);
}

static void knote_dequeue(struct knote *kn) {
    struct queue *q = kn->queue;
    if ((kn->status & QUEUED) == 0) return;
    if (kn->before == NULL) q->first = kn->after;
    else kn->before->after = kn->after;
    if (kn->after == NULL) q->last = kn->before;
    else kn->after->before = kn->before;
    kn->before = kn->after = NULL;
    kn->status &= ~(unsigned)QUEUED;
    q->queued--;
}

/* kqfile_wakeup(): those who wait, and the queues around it (R22). */
static void queue_wake_up(struct queue *q) {
    wake_waiting();
    for (struct knote *kn = q->watchers; kn != NULL; kn = kn->next_watcher) {
        if (!is_ending(kn)) knote_activate(kn);
    }
}
