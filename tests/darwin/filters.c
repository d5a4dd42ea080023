/*
 * EVFILT_TIMER and EVFILT_USER, as bsd/kern/kern_event.c has them, and those that are not here.
 *
 * What it does not do: let timers come late (NOTE_LEEWAY, NOTE_CRITICAL, NOTE_BACKGROUND and the
 * system's coalescing), round to ticks, or stop while the machine sleeps.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <string.h>

/* When a timer fires, and when again. */
struct times {
    uint64_t due, period, leeway;
};

static int timer_times(uint32_t fflags, int64_t data, uint64_t leeway, struct times *times);
static uint64_t later_by(clockid_t clock, uint64_t length);
static bool timer_start(struct knote *kn, const struct times *times);

uint64_t clock_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* knote_fill_kevent() */
void fill_event(struct knote *kn, struct kevent64_s *event, int64_t data) {
    *event = (struct kevent64_s){ .ident = kn->ident,
                                  .filter = kn->filter,
                                  .flags = kn->flags,
                                  .fflags = kn->fflags,
                                  .data = data,
                                  .udata = kn->udata,
                                  .ext = { kn->ext[0], kn->ext[1] } };
    if ((kn->flags & EV_CLEAR) != 0) kn->fflags = 0;
}

static void no_detach(struct knote *kn) {
    (void)kn;
}

/* EVFILT_TIMER. Its clocks count nanoseconds, as mach_absolute_time() does on Intel. */

static clockid_t timer_clock(uint32_t fflags) {
    return (fflags & NOTE_MACH_CONTINUOUS_TIME) != 0 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
}

static bool timer_attach(struct knote *kn, int *error) {
    struct times times;
    *error = timer_times(kn->asked, kn->data, kn->ext[1], &times);
    if (*error != 0) return false;
    kn->flags |= EV_CLEAR; /* R13 */
    if ((kn->asked & NOTE_ABSOLUTE) != 0) kn->flags |= EV_ONESHOT; /* R52 */
    return timer_start(kn, &times);
}

static bool timer_touch(struct knote *kn, const struct kevent64_s *change, int *error) {
    struct times times;
    if (((kn->asked ^ change->fflags) & NOTE_ABSOLUTE) != 0) *error = EINVAL; /* R54 */
    else *error = timer_times(change->fflags, change->data, change->ext[1], &times);
    if (*error != 0) return false;
    kn->asked = change->fflags;
    return timer_start(kn, &times);
}

/* R50: filt_timervalidate(); 0 or an errno. */
static int timer_times(uint32_t fflags, int64_t data, uint64_t leeway, struct times *times) {
    uint64_t unit;
    switch (fflags & (NOTE_SECONDS | NOTE_USECONDS | NOTE_NSECONDS | NOTE_MACHTIME)) {
    case 0: unit = 1000000; break;
    case NOTE_SECONDS: unit = 1000000000; break;
    case NOTE_USECONDS: unit = 1000; break;
    case NOTE_NSECONDS:
    case NOTE_MACHTIME: unit = 1; break;
    default: return EINVAL;
    }
    *times = (struct times){ 0 };
    if ((fflags & NOTE_LEEWAY) != 0 && __builtin_mul_overflow(leeway, unit, &times->leeway)) return ERANGE;
    bool is_absolute = (fflags & NOTE_ABSOLUTE) != 0;
    if (!is_absolute && data < 0) return 0; /* R53 */
    uint64_t length;
    if (__builtin_mul_overflow((uint64_t)data, unit, &length)) return ERANGE;

    clockid_t clock = timer_clock(fflags);
    if (is_absolute && (fflags & NOTE_MACHTIME) != 0) {
        times->due = length;
    } else if (is_absolute) { /* R52; the wall clock is looked at once */
        uint64_t now = clock_now(CLOCK_REALTIME);
        times->due = length > now ? later_by(clock, length - now) : 0;
    } else {
        times->due = later_by(clock, length);
        times->period = length;
    }
    return 0;
}

static uint64_t later_by(clockid_t clock, uint64_t length) {
    uint64_t due;
    return __builtin_add_overflow(clock_now(clock), length, &due) ? NEVER : due;
}

/* R54: afresh. Whether it has fired at once. */
static bool timer_start(struct knote *kn, const struct times *times) {
    kn->due = times->due;
    kn->period = times->period;
    kn->leeway = times->leeway;
    kn->fired = kn->due <= clock_now(timer_clock(kn->asked));
    kn->armed = !kn->fired;
    return kn->fired;
}

static bool timer_posted(struct knote *kn) {
    if (!kn->armed || clock_now(timer_clock(kn->asked)) < kn->due) return false;
    kn->armed = false;
    kn->fired = true;
    return true;
}

static bool timer_process(struct knote *kn, struct kevent64_s *event) {
    if (!kn->fired) return false; /* it was started afresh meanwhile */
    kn->fired = false;
    int64_t count = 1;
    if (kn->period != 0) { /* R51 */
        uint64_t now = clock_now(timer_clock(kn->asked));
        count = (int64_t)((now - (kn->due - kn->period)) / kn->period);
        if ((kn->flags & EV_ONESHOT) == 0) {
            kn->due += (uint64_t)count * kn->period;
            kn->armed = true;
        }
    }
    fill_event(kn, event, count);
    event->ext[0] = 0;
    event->ext[1] = kn->leeway;
    return true;
}

/* The time until it fires, in ns. */
uint64_t timer_left(const struct knote *kn) {
    if (!kn->armed || kn->due == NEVER) return NEVER;
    uint64_t now = clock_now(timer_clock(kn->asked));
    return kn->due > now ? kn->due - now : 0;
}

const struct filter timer_filter = {
    .attach = timer_attach,
    .detach = no_detach,
    .posted = timer_posted,
    .touch = timer_touch,
    .process = timer_process,
};

/* EVFILT_USER */

static bool user_attach(struct knote *kn, int *error) {
    (void)error;
    kn->fired = (kn->asked & NOTE_TRIGGER) != 0;
    return kn->fired;
}

/* R61: what the adding change brought stays as it was until a later one combines it. */
static bool user_touch(struct knote *kn, const struct kevent64_s *change, int *error) {
    (void)error;
    uint32_t own = change->fflags & NOTE_FFLAGSMASK;
    uint32_t how = change->fflags & NOTE_FFCTRLMASK;
    if (how == NOTE_FFAND) kn->asked &= own;
    if (how == NOTE_FFOR) kn->asked |= own;
    if (how == NOTE_FFCOPY) kn->asked = own;
    kn->data = change->data;
    if ((change->fflags & NOTE_TRIGGER) != 0) kn->fired = true;
    return kn->fired;
}

static bool user_posted(struct knote *kn) {
    (void)kn;
    return false; /* changes alone fire it */
}

static bool user_process(struct knote *kn, struct kevent64_s *event) {
    if (!kn->fired) return false;
    fill_event(kn, event, kn->data);
    event->fflags = kn->asked;
    if ((kn->flags & EV_CLEAR) != 0) kn->fired = false;
    return true;
}

const struct filter user_filter = {
    .attach = user_attach,
    .detach = no_detach,
    .posted = user_posted,
    .touch = user_touch,
    .process = user_process,
};

/* Filters that this library, or every kernel, is without (R2) */

static bool absent_attach(struct knote *kn, int *error) {
    (void)kn;
    *error = ENOTSUP;
    return false;
}

const struct filter absent_filter = { .attach = absent_attach };
