/*
 * The filters: when a watcher is ready and what its event says, for EVFILT_READ, EVFILT_WRITE,
 * EVFILT_TIMER and EVFILT_USER. All of it is called with the lock of kqueue.c held.
 *
 * Conditions are asked of poll(2) with no timeout. An edge (EV_CLEAR) cannot be told from a level
 * that stays by asking, so each such watcher has an edge-triggered epoll descriptor of its own.
 */
#define _GNU_SOURCE
#include "darwin.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int descriptor_attach(struct knote *kn);
static bool same_file(const struct knote *kn, struct stat *file);
static enum verdict descriptor_examine(struct knote *kn, struct kevent64_s *event, int depth);
static bool descriptor_ready(struct knote *kn, const struct stat *file, short polled, struct kevent64_s *event);
static bool pipe_ready(struct knote *kn, short polled, struct kevent64_s *event);
static bool socket_ready(struct knote *kn, short polled, struct kevent64_s *event);
static bool socket_cannot_send(int fd, int type, short polled);
static void socket_error(struct knote *kn, struct kevent64_s *event);
static int timer_set(struct knote *kn, const struct kevent64_s *change);
static int timer_clock(const struct knote *kn);
static bool timer_ready(const struct knote *kn, struct kevent64_s *event);
static bool user_ready(const struct knote *kn, struct kevent64_s *event);
static short poll_now(int fd, short events);
static int64_t bytes_to_read(int fd);
static int socket_option(int fd, int option);
static int64_t low_water(const struct knote *kn, int64_t usual, int64_t most);

/* For poll(2) and epoll(7) alike: Linux gives both the same values. */
enum { READABLE = POLLIN | POLLRDHUP, WRITABLE = POLLOUT };

uint64_t clock_now(int clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool is_descriptor_filter(int filter) {
    return filter == EVFILT_READ || filter == EVFILT_WRITE;
}

bool is_implemented(int filter) {
    return is_descriptor_filter(filter) || filter == EVFILT_TIMER || filter == EVFILT_USER;
}

/* A new watcher; 0 or an errno. */
int knote_attach(struct knote *kn, const struct kevent64_s *change) {
    kn->fflags = change->fflags;
    kn->data = change->data;
    kn->changed = true;
    switch (kn->filter) {
    case EVFILT_TIMER:
        kn->flags |= EV_CLEAR; /* R13 */
        if ((change->fflags & NOTE_ABSOLUTE) != 0) kn->flags |= EV_ONESHOT; /* R52 */
        return timer_set(kn, change);
    case EVFILT_USER:
        kn->fflags = change->fflags & NOTE_FFLAGSMASK;
        kn->triggered = (change->fflags & NOTE_TRIGGER) != 0;
        return 0;
    default:
        return descriptor_attach(kn);
    }
}

/* A change of a watcher that is there (R1); 0 or an errno. */
int knote_touch(struct knote *kn, const struct kevent64_s *change) {
    switch (kn->filter) {
    case EVFILT_TIMER:
        if (((kn->fflags ^ change->fflags) & NOTE_ABSOLUTE) != 0) return EINVAL; /* R54 */
        return timer_set(kn, change);
    case EVFILT_USER: {
        uint32_t own = change->fflags & NOTE_FFLAGSMASK;
        uint32_t how = change->fflags & NOTE_FFCTRLMASK;
        if (how == NOTE_FFAND) kn->fflags &= own;
        if (how == NOTE_FFOR) kn->fflags |= own;
        if (how == NOTE_FFCOPY) kn->fflags = own;
        if ((change->fflags & NOTE_TRIGGER) != 0) kn->triggered = true;
        break;
    }
    default:
        kn->fflags = change->fflags;
    }
    kn->data = change->data;
    return 0;
}

void knote_detach(struct knote *kn) {
    if (kn->edges >= 0) syscall(SYS_close, kn->edges);
    kn->edges = -1;
}

/* R9: whether its descriptor was closed, or its number now means another file. */
bool knote_is_stale(const struct knote *kn) {
    struct stat file;
    return is_descriptor_filter(kn->filter) && !same_file(kn, &file);
}

/* Whether it has an event now, and which; looking takes nothing away. */
enum verdict knote_examine(struct knote *kn, struct kevent64_s *event, int depth) {
    *event = (struct kevent64_s){ .ident = kn->ident,
                                  .filter = kn->filter,
                                  .flags = kn->flags,
                                  .udata = kn->udata,
                                  .ext = { kn->ext[0], kn->ext[1] } };
    switch (kn->filter) {
    case EVFILT_TIMER:
        return timer_ready(kn, event) ? READY : QUIET;
    case EVFILT_USER:
        return user_ready(kn, event) ? READY : QUIET;
    default:
        return descriptor_examine(kn, event, depth);
    }
}

/* The event was returned to the caller. */
void knote_reported(struct knote *kn, const struct kevent64_s *event) {
    switch (kn->filter) {
    case EVFILT_TIMER:
        kn->due = kn->period == 0 ? NEVER : kn->due + (uint64_t)event->data * kn->period; /* R51 */
        break;
    case EVFILT_USER:
        if ((kn->flags & EV_CLEAR) != 0) kn->triggered = false;
        break;
    default:
        kn->changed = false;
    }
}

/* What poll(2) is to wait for. */
short knote_poll_events(const struct knote *kn) {
    return kn->filter == EVFILT_READ ? READABLE : WRITABLE;
}

/* The time until a timer is due, in ns. */
uint64_t knote_time_left(const struct knote *kn) {
    if (kn->filter != EVFILT_TIMER || kn->due == NEVER) return NEVER;
    uint64_t now = clock_now(timer_clock(kn));
    return kn->due > now ? kn->due - now : 0;
}

/* EVFILT_READ and EVFILT_WRITE */

static int descriptor_attach(struct knote *kn) {
    int fd = (int)kn->ident;
    struct stat file;
    if (fstat(fd, &file) != 0) return EBADF;
    kn->dev = file.st_dev;
    kn->ino = file.st_ino;
    if ((kn->flags & EV_CLEAR) == 0) return 0;

    kn->edges = epoll_create1(EPOLL_CLOEXEC);
    if (kn->edges < 0) return errno;
    struct epoll_event interest = { .events = EPOLLET | (uint32_t)knote_poll_events(kn) };
    int64_t ready;
    bool queue = queue_watched(&file, 0, &ready);
    if (!queue && epoll_ctl(kn->edges, EPOLL_CTL_ADD, fd, &interest) == 0) return 0;
    int error = queue ? EPERM : errno;
    knote_detach(kn);
    return error == EPERM ? 0 : error; /* EPERM: a file that epoll does not take */
}

static bool same_file(const struct knote *kn, struct stat *file) {
    return fstat((int)kn->ident, file) == 0 && file->st_ino == kn->ino && file->st_dev == kn->dev;
}

static enum verdict descriptor_examine(struct knote *kn, struct kevent64_s *event, int depth) {
    struct stat file;
    if (!same_file(kn, &file)) return GONE; /* R9 */

    /* R13: the edge is taken before the condition is looked at, so one between the two is not lost. */
    struct epoll_event edge;
    bool clear = (kn->flags & EV_CLEAR) != 0;
    if (kn->edges >= 0 && epoll_wait(kn->edges, &edge, 1, 0) == 1) kn->changed = true;
    if (kn->edges >= 0 && !kn->changed) return QUIET;

    bool ready;
    uint64_t state;
    int64_t watched;
    short polled = 0;
    if (queue_watched(&file, depth, &watched)) { /* R22 */
        event->data = watched;
        ready = watched > 0;
        state = (uint64_t)watched;
        kn->busy = true; /* its pipe says nothing about its watchers */
    } else {
        polled = poll_now((int)kn->ident, READABLE | WRITABLE);
        ready = descriptor_ready(kn, &file, polled, event);
        state = (uint64_t)file.st_size ^ (uint64_t)file.st_mtim.tv_sec << 32 ^ (uint64_t)file.st_mtim.tv_nsec;
        kn->busy = kn->edges < 0 && (polled & (knote_poll_events(kn) | POLLERR | POLLHUP)) != 0;
    }
    if (clear && kn->edges < 0) {
        if (state != kn->mark) kn->changed = true;
        kn->mark = state;
    }
    return ready && (!clear || kn->changed) ? READY : QUIET;
}

static bool descriptor_ready(struct knote *kn, const struct stat *file, short polled, struct kevent64_s *event) {
    int fd = (int)kn->ident;
    if (S_ISSOCK(file->st_mode)) return socket_ready(kn, polled, event);
    if (S_ISFIFO(file->st_mode)) return pipe_ready(kn, polled, event);
    if (kn->filter == EVFILT_WRITE) {
        event->data = 1;
        if (S_ISREG(file->st_mode)) return true; /* R33 */
        if ((polled & (POLLERR | POLLHUP)) != 0) event->flags |= EV_EOF;
        return (polled & (POLLOUT | POLLERR | POLLHUP)) != 0;
    }
    if (S_ISREG(file->st_mode)) { /* R37 */
        event->data = (int64_t)file->st_size - (int64_t)lseek(fd, 0, SEEK_CUR);
        return event->data != 0;
    }
    event->data = bytes_to_read(fd);
    if ((polled & POLLHUP) != 0) event->flags |= EV_EOF;
    else if (event->data == 0) event->data = 1; /* R40; and what does not count its bytes */
    return (polled & (POLLIN | POLLHUP)) != 0;
}

/* R36 */
static bool pipe_ready(struct knote *kn, short polled, struct kevent64_s *event) {
    int fd = (int)kn->ident;
    int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    bool ended = (polled & (mode == O_WRONLY ? POLLERR : POLLHUP)) != 0;
    if (ended) event->flags |= EV_EOF;
    if (mode == (kn->filter == EVFILT_READ ? O_WRONLY : O_RDONLY)) return ended;

    int64_t size = fcntl(fd, F_GETPIPE_SZ);
    event->data = bytes_to_read(fd);
    if (kn->filter == EVFILT_READ) return ended || event->data >= low_water(kn, 1, size);
    event->data = size - event->data;
    /* poll(2) says POLLOUT when a page is free, which is PIPE_BUF here. */
    return ended || ((polled & POLLOUT) != 0 && event->data >= low_water(kn, 1, size));
}

static bool socket_ready(struct knote *kn, short polled, struct kevent64_s *event) {
    int fd = (int)kn->ident;
    int type = socket_option(fd, SO_TYPE);
    bool is_connected = type == SOCK_STREAM || type == SOCK_SEQPACKET;

    if (is_connected && socket_option(fd, SO_ACCEPTCONN) != 0) { /* R30 */
        struct tcp_info info;
        socklen_t size = sizeof info;
        event->data = 1;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked > 0) {
            event->data = info.tcpi_unacked;
        }
        return kn->filter == EVFILT_READ && (polled & POLLIN) != 0;
    }
    /* One that was never connected hangs up in poll(2), but is neither at its end nor writable. */
    if (is_connected && (polled & (POLLHUP | POLLRDHUP | POLLERR)) == POLLHUP) return false;

    if (kn->filter == EVFILT_READ) {
        event->data = bytes_to_read(fd);
        if ((polled & POLLRDHUP) != 0) { /* R32, R34 */
            socket_error(kn, event);
            return true;
        }
        kn->error = 0;
        if ((polled & POLLERR) != 0) return true;
        bool marked = (kn->fflags & NOTE_LOWAT) != 0;
        if (type != SOCK_STREAM && !marked) return (polled & POLLIN) != 0; /* R31: an empty datagram counts */
        /* Half of the buffer: the other half is what Linux adds for its own accounts (socket(7)). */
        return event->data >= low_water(kn, socket_option(fd, SO_RCVLOWAT), socket_option(fd, SO_RCVBUF) / 2);
    }

    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t size = sizeof memory;
    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
    int64_t used = memory[SK_MEMINFO_WMEM_QUEUED];
    if (used < memory[SK_MEMINFO_WMEM_ALLOC]) used = memory[SK_MEMINFO_WMEM_ALLOC];
    event->data = (int64_t)memory[SK_MEMINFO_SNDBUF] - used;
    if (event->data < 0) event->data = 0;
    if (is_connected && socket_cannot_send(fd, type, polled)) { /* R33, R34 */
        socket_error(kn, event);
        return true;
    }
    kn->error = 0;
    if ((polled & POLLOUT) == 0) return false;
    if (event->data == 0) event->data = 1;
    return event->data >= low_water(kn, 1, memory[SK_MEMINFO_SNDBUF]);
}

/* A stream shut down for writing on this side alone looks writable; sending nothing tells. */
static bool socket_cannot_send(int fd, int type, short polled) {
    if ((polled & POLLHUP) != 0) return true;
    if ((polled & POLLOUT) == 0 || type != SOCK_STREAM) return false;
    return send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

/* EV_EOF with the socket's error, which asking SO_ERROR takes out of the socket: it is kept. */
static void socket_error(struct knote *kn, struct kevent64_s *event) {
    int error = socket_option((int)kn->ident, SO_ERROR);
    if (error != 0) queue_remember_error(kn, error);
    event->flags |= EV_EOF;
    event->fflags = (uint32_t)kn->error;
}

/* EVFILT_TIMER */

/* Starts it afresh (R54); 0 or an errno, with the timer as it was. */
static int timer_set(struct knote *kn, const struct kevent64_s *change) {
    int64_t unit;
    switch (change->fflags & (NOTE_SECONDS | NOTE_USECONDS | NOTE_NSECONDS | NOTE_MACHTIME)) { /* R50 */
    case 0: unit = 1000000; break;
    case NOTE_SECONDS: unit = 1000000000; break;
    case NOTE_USECONDS: unit = 1000; break;
    case NOTE_NSECONDS: unit = 1; break;
    case NOTE_MACHTIME: return ENOTSUP; /* R56 */
    default: return EINVAL;
    }
    int64_t length = 0;
    if (change->data > 0 && __builtin_mul_overflow(change->data, unit, &length)) return ERANGE;

    kn->fflags = change->fflags;
    kn->data = change->data;
    bool absolute = (change->fflags & NOTE_ABSOLUTE) != 0;
    kn->due = (absolute ? 0 : clock_now(CLOCK_MONOTONIC)) + (uint64_t)length;
    kn->period = absolute || (kn->flags & EV_ONESHOT) != 0 ? 0 : (uint64_t)length; /* R53: 0 fires once */
    return 0;
}

static int timer_clock(const struct knote *kn) {
    return (kn->fflags & NOTE_ABSOLUTE) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

static bool timer_ready(const struct knote *kn, struct kevent64_s *event) {
    uint64_t now = clock_now(timer_clock(kn));
    if (kn->due == NEVER || now < kn->due) return false;
    event->data = kn->period == 0 ? 1 : (int64_t)((now - kn->due) / kn->period) + 1; /* R51 */
    return true;
}

/* EVFILT_USER */

static bool user_ready(const struct knote *kn, struct kevent64_s *event) {
    event->fflags = kn->fflags; /* R61 */
    event->data = kn->data;
    return kn->triggered;
}

/* What the kernel is asked */

static short poll_now(int fd, short events) {
    struct pollfd one = { .fd = fd, .events = events };
    /* ppoll(2), as poll is a name that this library exports. */
    return ppoll(&one, 1, &(struct timespec){ 0 }, NULL) == 1 ? one.revents : 0;
}

/* libc's ioctl by its number: a program may put this library's own in its place. */
static int64_t bytes_to_read(int fd) {
    int bytes = 0;
    return syscall(SYS_ioctl, fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

static int socket_option(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

/* R35: NOTE_LOWAT raises the usual mark, at most to what the buffer holds. */
static int64_t low_water(const struct knote *kn, int64_t usual, int64_t most) {
    int64_t mark = (kn->fflags & NOTE_LOWAT) != 0 ? kn->data : usual;
    if (mark > most) mark = most;
    return mark < usual ? usual : mark;
}
