/*
 * What tests ask of the stand-in beyond Darwin's contract: to make calls fail, to tell what the
 * last call was given, and to take each record by value. All names start with kqtest_.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RECORDED = 8, PENDING = 16 };

/*
 * The last call of kevent or kevent64, as it was given. In a DataView, little-endian:
 *
 *   offset  type      field
 *        0  u32       function: 1 kevent, 2 kevent64, 0 no call yet
 *        4  i32       kq
 *        8  i32       nchanges
 *       12  i32       nevents
 *       16  u32       flags (0 for kevent)
 *       20  u8        1 if the change list was NULL
 *       21  u8        1 if the event list was NULL
 *       22  u8        1 if the timeout was NULL
 *       23  u8        1 if both lists were the same memory
 *       24  i64       timeout's seconds (0 if it was NULL)
 *       32  i64       timeout's nanoseconds (0 if it was NULL)
 *       40  u64       sum of all bytes of all change records
 *       48  u32       size of one record: 32 or 48
 *       52  u32       how many change records follow: at most 8
 *       56  u64       how many calls there had been, this one included
 *       64  u8[384]   the first change records, byte for byte, one after the other
 *      448            end
 */
struct kqtest_call {
    uint32_t function;
    int32_t kq;
    int32_t nchanges;
    int32_t nevents;
    uint32_t flags;
    uint8_t changes_null;
    uint8_t events_null;
    uint8_t timeout_null;
    uint8_t same_list;
    int64_t seconds;
    int64_t nanoseconds;
    uint64_t sum;
    uint32_t record_size;
    uint32_t recorded;
    uint64_t calls;
    uint8_t records[RECORDED * sizeof(struct kevent64_s)];
};

SIZE(kqtest_call, 448);
AT(kqtest_call, function, 0);
AT(kqtest_call, kq, 4);
AT(kqtest_call, nchanges, 8);
AT(kqtest_call, nevents, 12);
AT(kqtest_call, flags, 16);
AT(kqtest_call, changes_null, 20);
AT(kqtest_call, events_null, 21);
AT(kqtest_call, timeout_null, 22);
AT(kqtest_call, same_list, 23);
AT(kqtest_call, seconds, 24);
AT(kqtest_call, nanoseconds, 32);
AT(kqtest_call, sum, 40);
AT(kqtest_call, record_size, 48);
AT(kqtest_call, recorded, 52);
AT(kqtest_call, calls, 56);
AT(kqtest_call, records, 64);

struct failure {
    int error;
    bool blocking;
    int64_t after; /* ns */
};

static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kqtest_call last_call;
static struct failure failures[PENDING];
static int pending;
static uint64_t polls;
static unsigned last_nfds;
static bool malloc_fails;

/* In the place of libc's, for a caller who looks it up in this library. */
void *darwin_malloc(size_t size) __asm__("malloc");
EXPORT void *darwin_malloc(size_t size);
EXPORT void kqtest_fail_next_malloc(void);
EXPORT uint64_t kqtest_polls(void);
EXPORT unsigned kqtest_last_nfds(void);
EXPORT int kqtest_fail_next(int error);
EXPORT int kqtest_fail_next_after(int error, int64_t nanoseconds);
EXPORT int kqtest_fail_next_blocking(int error, int64_t nanoseconds);
EXPORT int kqtest_clear_failures(void);
EXPORT size_t kqtest_last_call(void *out);
EXPORT uint64_t kqtest_calls(void);
EXPORT void kqtest_kevent_by_value(struct kevent record, void *out);
EXPORT void kqtest_kevent64_by_value(struct kevent64_s record, void *out);
EXPORT void kqtest_timespec_by_value(struct darwin_timespec time, void *out);

/* Failures: each is for one call, in the order given; 0, or -1 when too many are pending. */

static int add_failure(int error, bool blocking, int64_t after) {
    pthread_mutex_lock(&hook_lock);
    int result = pending < PENDING ? 0 : -1;
    if (result == 0) failures[pending++] = (struct failure){ error, blocking, after };
    pthread_mutex_unlock(&hook_lock);
    return result;
}

/* The next call of kqueue, kevent, kevent64 or ioctl does nothing and fails with this errno. */
int kqtest_fail_next(int error) {
    return add_failure(error, false, 0);
}

/* The same, after sleeping that long first. */
int kqtest_fail_next_after(int error, int64_t nanoseconds) {
    return add_failure(error, false, nanoseconds);
}

/*
 * The next kevent or kevent64 that could wait (room for events, and neither a zero timeout nor
 * KEVENT_FLAG_IMMEDIATE) applies its changes, sleeps that long and fails with this errno, having
 * collected nothing: what a signal does to a wait. One whose changes fail or are receipted
 * does not wait, so it leaves the failure to the next.
 */
int kqtest_fail_next_blocking(int error, int64_t nanoseconds) {
    return add_failure(error, true, nanoseconds);
}

/* The next malloc gives NULL. */
void kqtest_fail_next_malloc(void) {
    pthread_mutex_lock(&hook_lock);
    malloc_fails = true;
    pthread_mutex_unlock(&hook_lock);
}

void *darwin_malloc(size_t size) {
    pthread_mutex_lock(&hook_lock);
    bool fails = malloc_fails;
    malloc_fails = false;
    pthread_mutex_unlock(&hook_lock);
    return fails ? NULL : calloc(1, size);
}

/* Forgets pending failures and tells how many there were. */
int kqtest_clear_failures(void) {
    pthread_mutex_lock(&hook_lock);
    int were = pending + (malloc_fails ? 1 : 0);
    pending = 0;
    malloc_fails = false;
    pthread_mutex_unlock(&hook_lock);
    return were;
}

/* Takes the first pending failure of that kind and sleeps its time; its errno, or 0. */
int hook_failure(bool blocking) {
    struct failure taken = { 0 };
    pthread_mutex_lock(&hook_lock);
    for (int i = 0; i < pending; i++) {
        if (failures[i].blocking != blocking) continue;
        taken = failures[i];
        pending--;
        memmove(&failures[i], &failures[i + 1], (size_t)(pending - i) * sizeof *failures);
        break;
    }
    pthread_mutex_unlock(&hook_lock);
    if (taken.after > 0) {
        uint64_t until = clock_now(CLOCK_MONOTONIC) + (uint64_t)taken.after;
        struct timespec time = { .tv_sec = (time_t)(until / 1000000000u), .tv_nsec = (long)(until % 1000000000u) };
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
    }
    return taken.error;
}

/* A poll begins; its failure, or 0. One that may wait takes the failures that are for waits. */
int hook_poll(unsigned nfds, int timeout) {
    if (timeout != 0) {
        pthread_mutex_lock(&hook_lock);
        polls++;
        last_nfds = nfds;
        pthread_mutex_unlock(&hook_lock);
    }
    return hook_failure(timeout != 0);
}

/* How many polls that may wait have begun. */
uint64_t kqtest_polls(void) {
    pthread_mutex_lock(&hook_lock);
    uint64_t begun = polls;
    pthread_mutex_unlock(&hook_lock);
    return begun;
}

/* How many descriptors the last of them was given. */
unsigned kqtest_last_nfds(void) {
    pthread_mutex_lock(&hook_lock);
    unsigned nfds = last_nfds;
    pthread_mutex_unlock(&hook_lock);
    return nfds;
}

/* The last call */

void hook_record_call(int function, int kq, const void *changes, int nchanges, const void *events, int nevents,
                      unsigned flags, const struct darwin_timespec *timeout) {
    size_t record_size = function == 1 ? sizeof(struct kevent) : sizeof(struct kevent64_s);
    size_t count = changes != NULL && nchanges > 0 ? (size_t)nchanges : 0;
    size_t recorded = count < RECORDED ? count : RECORDED;
    const uint8_t *bytes = changes;
    uint64_t sum = 0;
    for (size_t i = 0; i < count * record_size; i++) sum += bytes[i];

    pthread_mutex_lock(&hook_lock);
    last_call = (struct kqtest_call){
        .function = (uint32_t)function,
        .kq = kq,
        .nchanges = nchanges,
        .nevents = nevents,
        .flags = flags,
        .changes_null = changes == NULL,
        .events_null = events == NULL,
        .timeout_null = timeout == NULL,
        .same_list = changes != NULL && changes == events,
        .seconds = timeout == NULL ? 0 : timeout->tv_sec,
        .nanoseconds = timeout == NULL ? 0 : timeout->tv_nsec,
        .sum = sum,
        .record_size = (uint32_t)record_size,
        .recorded = (uint32_t)recorded,
        .calls = last_call.calls + 1,
    };
    if (recorded > 0) memcpy(last_call.records, bytes, recorded * record_size);
    pthread_mutex_unlock(&hook_lock);
}

/* Copies the record of the last call, from any thread, and gives its size; out may be NULL. */
size_t kqtest_last_call(void *out) {
    pthread_mutex_lock(&hook_lock);
    if (out != NULL) memcpy(out, &last_call, sizeof last_call);
    pthread_mutex_unlock(&hook_lock);
    return sizeof last_call;
}

/* How many calls of kevent and kevent64 there have been. */
uint64_t kqtest_calls(void) {
    pthread_mutex_lock(&hook_lock);
    uint64_t calls = last_call.calls;
    pthread_mutex_unlock(&hook_lock);
    return calls;
}

/* By value: each field, widened to 64 bits with its sign, in the order of the declaration. */

void kqtest_kevent_by_value(struct kevent record, void *out) {
    const int64_t fields[6] = { (int64_t)record.ident, record.filter, record.flags,
                                record.fflags,         record.data,   (int64_t)record.udata };
    memcpy(out, fields, sizeof fields);
}

void kqtest_kevent64_by_value(struct kevent64_s record, void *out) {
    const int64_t fields[8] = { (int64_t)record.ident, record.filter, record.flags,           record.fflags,
                                record.data,           (int64_t)record.udata, (int64_t)record.ext[0],
                                (int64_t)record.ext[1] };
    memcpy(out, fields, sizeof fields);
}

void kqtest_timespec_by_value(struct darwin_timespec time, void *out) {
    const int64_t fields[2] = { time.tv_sec, time.tv_nsec };
    memcpy(out, fields, sizeof fields);
}
