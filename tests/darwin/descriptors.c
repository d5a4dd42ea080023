/*
 * EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT: when a watcher of a descriptor is ready and what its
 * event says. They follow the routines that the file's kind has in xnu: uipc_socket.c, sys_pipe.c,
 * tty_ptmx.c of bsd/kern, vfs_vnops.c of bsd/vfs, spec_vnops.c of bsd/miscfs/specfs.
 *
 * Conditions are asked of poll(2) with no timeout. An edge (EV_CLEAR) cannot be told from a level
 * that stays by asking, so each such watcher has an edge-triggered epoll descriptor of its own.
 *
 * What it does not do:
 * - An error is taken out of the socket to be told (SO_ERROR), and told ever after. There it is told
 *   for as long as nobody takes it, and is still to be taken.
 * - A datagram socket's data is the next datagram's; there it is the bytes of all, and a mark
 *   (NOTE_LOWAT, SO_RCVLOWAT) counts their addresses as well. EV_EOF there brings the error.
 * - Room is Linux's: what poll(2) calls room and what the buffers' accounts say of it, without
 *   SO_SNDLOWAT, and of a Unix socket without the receiver's buffer. PIPE_BUF is 4096.
 * - How many connections wait at a listening Unix socket: 1.
 * - An edge is what epoll(7) or a changed file tells. There each post is one: of a socket each
 *   segment and acknowledgement, of a FIFO each read, of a regular file each lseek(2) and write.
 * - A device is ready once its condition holds, whatever mark a later change has; one that is gone
 *   is no EV_EOF. There a device's attach fills in the change, so that its receipt has fflags 0.
 * - Packet mode of a terminal's master, where READ may have data 0.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int number_error(uint64_t ident, struct stat *file);
static enum kind kind_of(const struct knote *kn, const struct stat *file);
static int filter_error(const struct knote *kn);
static int queue_attach(struct knote *kn);
static int edges_attach(struct knote *kn);
static bool take_news(struct knote *kn);
static bool is_ready(struct knote *kn, int64_t *data);
static bool pipe_ready(struct knote *kn, short polled, int64_t *data);
static bool fifo_ready(struct knote *kn, short polled, int64_t *data);
static bool file_ready(struct knote *kn, int64_t *data);
static bool terminal_ready(struct knote *kn, short polled, int64_t *data);
static bool stream_ready(struct knote *kn, short polled, int64_t *data);
static bool datagram_ready(struct knote *kn, short polled, int64_t *data);
static int64_t stream_bytes(int fd, int64_t *mark);
static bool socket_has_bytes(struct knote *kn, short polled, int64_t data, bool is_stream);
static bool socket_has_room(struct knote *kn, short polled, int64_t *data);
static bool socket_is_shut_for_writing(int fd, enum kind kind);
static void socket_end(struct knote *kn);
static int known_error(const struct knote *kn);
static short poll_now(int fd, short events);
static int64_t ask(int fd, unsigned long request);
static int socket_option(int fd, int option);
static int64_t low_water(const struct knote *kn, int64_t usual, int64_t most);

enum { PIPE_LEAST = 4096 };      /* PIPE_BUF, 512 on Darwin */
enum { TERMINAL_BUFFER = 4096 };
enum { LIST_STEP = 256 };        /* KQEXTENT of bsd/sys/eventvar.h */
enum { MOST_LEVELS = 10 };

/* How many numbers the process's list of watched descriptors has place for; it grows with them. */
static uint64_t listed;

static bool descriptor_attach(struct knote *kn, int *error) {
    struct stat file;
    *error = number_error(kn->ident, &file);
    if (*error != 0) return false;
    kn->dev = file.st_dev;
    kn->ino = file.st_ino;
    kn->kind = kind_of(kn, &file);
    *error = filter_error(kn);
    if (*error == 0 && kn->kind == QUEUE) *error = queue_attach(kn);
    else if (*error == 0) *error = edges_attach(kn);
    if (*error != 0) return false;
    kn->error = known_error(kn);
    take_news(kn);
    int64_t data;
    return is_ready(kn, &data);
}

/* R5: fp_lookup() takes the number's lower half, kq_add_knote() all of it. */
static int number_error(uint64_t ident, struct stat *file) {
    if (fstat((int)ident, file) != 0) return EBADF;
    if (ident < listed) return 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (ident >= limit.rlim_cur) return EINVAL;
    listed = (ident / LIST_STEP + 1) * LIST_STEP;
    return 0;
}

static enum kind kind_of(const struct knote *kn, const struct stat *file) {
    int fd = (int)kn->ident;
    if (queue_find(file) != NULL) return QUEUE;
    if (S_ISSOCK(file->st_mode)) {
        int type = socket_option(fd, SO_TYPE);
        return type == SOCK_STREAM || type == SOCK_SEQPACKET ? STREAM : DATAGRAM;
    }
    /* R36: one with a name is a file of the file system that has the name. A queue is a pipe without. */
    if (S_ISFIFO(file->st_mode)) return kn->queue->dev == file->st_dev ? PIPE : FIFO;
    if (S_ISCHR(file->st_mode)) {
        char buffer[64];
        if (syscall(SYS_ioctl, fd, TCGETS, buffer) != 0) return DEVICE;
        return syscall(SYS_ioctl, fd, TIOCGPTN, buffer) == 0 ? MASTER : TERMINAL;
    }
    if (S_ISREG(file->st_mode) || S_ISDIR(file->st_mode) || S_ISBLK(file->st_mode)) return REGULAR;
    return OTHER; /* what Linux alone has */
}

/* R5: the filters that each kind has. */
static int filter_error(const struct knote *kn) {
    bool is_node = kn->kind == FIFO || kn->kind == REGULAR || kn->kind == TERMINAL || kn->kind == MASTER ||
                   kn->kind == DEVICE;
    bool is_socket = kn->kind == STREAM || kn->kind == DATAGRAM;
    switch (kn->filter) {
    case EVFILT_VNODE: return is_node ? ENOTSUP : EINVAL; /* this library is without it */
    case EVFILT_SOCK: return is_socket ? ENOTSUP : EINVAL;
    case EVFILT_NW_CHANNEL: return EINVAL;
    case EVFILT_EXCEPT: return is_socket ? 0 : EINVAL;
    }
    if (kn->kind == REGULAR) {
        struct stat file;
        fstat((int)kn->ident, &file);
        return S_ISREG(file.st_mode) ? 0 : EINVAL;
    }
    /* None of the devices that are no terminals tells how much it has to give. */
    if (kn->kind == DEVICE && ((kn->asked & NOTE_LOWAT) == 0 || kn->data != 1)) return EINVAL;
    return 0;
}

/* R22: kqueue_kqfilter(). A level that would be passed by a deeper one could be a ring. */
static int queue_attach(struct knote *kn) {
    struct stat file = { .st_dev = kn->dev, .st_ino = kn->ino };
    struct queue *inner = queue_find(&file), *outer = kn->queue;
    if (inner == outer || kn->filter != EVFILT_READ) return EINVAL;
    if (outer->level > 0 && outer->level < inner->level) return EINVAL;
    int level = outer->level == 0 ? 2 : outer->level;
    if (level < inner->level + 1) {
        level = inner->level + 1;
        if (level > MOST_LEVELS) return EINVAL;
    }
    outer->level = level;
    if (inner->level == 0) inner->level = 1;
    kn->watched = inner;
    kn->next_watcher = inner->watchers;
    inner->watchers = kn;
    return 0;
}

static int edges_attach(struct knote *kn) {
    if ((kn->flags & EV_CLEAR) == 0) return 0;
    kn->edges = epoll_create1(EPOLL_CLOEXEC);
    if (kn->edges < 0) return errno;
    struct epoll_event interest = { .events = EPOLLET | (uint32_t)descriptor_poll_events(kn) };
    if (epoll_ctl(kn->edges, EPOLL_CTL_ADD, (int)kn->ident, &interest) == 0) return 0;
    int error = errno;
    syscall(SYS_close, kn->edges);
    kn->edges = -1;
    return error == EPERM ? 0 : error; /* EPERM: a file that epoll does not take */
}

static void descriptor_detach(struct knote *kn) {
    if (kn->edges >= 0) syscall(SYS_close, kn->edges);
    kn->edges = -1;
    if (kn->watched == NULL) return;
    struct knote **link = &kn->watched->watchers;
    while (*link != kn) link = &(*link)->next_watcher;
    *link = kn->next_watcher;
    kn->watched = NULL;
}

static bool descriptor_posted(struct knote *kn) {
    int64_t data;
    bool has_news = take_news(kn);
    /* A level that holds was posted, whenever that was; but a queue posts by itself. */
    return ((kn->flags & EV_CLEAR) == 0 || has_news) && is_ready(kn, &data);
}

static bool descriptor_touch(struct knote *kn, const struct kevent64_s *change, int *error) {
    (void)error;
    int64_t data;
    kn->asked = change->fflags;
    kn->data = change->data;
    return is_ready(kn, &data);
}

static bool descriptor_process(struct knote *kn, struct kevent64_s *event) {
    int64_t data;
    take_news(kn); /* before the condition is looked at, so that an edge between the two is not lost */
    if (!is_ready(kn, &data)) return false;
    fill_event(kn, event, data);
    return true;
}

const struct filter descriptor_filter = {
    .is_descriptor = true,
    .attach = descriptor_attach,
    .detach = descriptor_detach,
    .posted = descriptor_posted,
    .touch = descriptor_touch,
    .process = descriptor_process,
};

/* R9: whether its descriptor was closed, or its number now means another file. */
bool descriptor_is_stale(const struct knote *kn) {
    struct stat file;
    if (kn->kind == QUEUE && kn->watched == NULL) return true;
    return fstat((int)kn->ident, &file) != 0 || file.st_ino != kn->ino || file.st_dev != kn->dev;
}

/* What poll(2) and epoll(7) are to wait for: Linux gives both the same values. */
short descriptor_poll_events(const struct knote *kn) {
    if (kn->filter == EVFILT_WRITE) return POLLOUT;
    return POLLIN | POLLRDHUP | ((kn->asked & NOTE_OOB) != 0 ? POLLPRI : 0);
}

/* R13: whether its object has told of a change since this was last asked. */
static bool take_news(struct knote *kn) {
    if (kn->kind == QUEUE || (kn->flags & EV_CLEAR) == 0) return false;
    struct epoll_event edge;
    bool has_news = kn->edges >= 0 && epoll_wait(kn->edges, &edge, 1, 0) == 1;
    int64_t mark[3] = { 0 };
    if (kn->kind == PIPE) {
        /* Both ends' watchers hang on one list: each write and each read tells all of them. */
        mark[0] = ask((int)kn->ident, FIONREAD);
    } else if (kn->kind == REGULAR) {
        struct stat file;
        fstat((int)kn->ident, &file);
        mark[0] = (int64_t)file.st_size;
        mark[1] = file.st_ctim.tv_sec * 1000000000 + file.st_ctim.tv_nsec;
        mark[2] = (int64_t)lseek((int)kn->ident, 0, SEEK_CUR);
        if (mark[2] < kn->mark[2]) has_news = true; /* lseek(2) tells, a read does not */
    }
    if (mark[0] != kn->mark[0] || mark[1] != kn->mark[1]) has_news = true;
    for (int i = 0; i < 3; i++) kn->mark[i] = mark[i];
    return has_news;
}

/* The condition itself, whatever was reported before. It may leave EV_EOF, an error or NOTE_OOB in the watcher. */
static bool is_ready(struct knote *kn, int64_t *data) {
    *data = 0;
    if (kn->kind == QUEUE) {
        *data = kn->watched->queued;
        return *data > 0;
    }
    short polled = poll_now((int)kn->ident, POLLIN | POLLRDHUP | POLLPRI | POLLOUT);
    bool ready;
    switch (kn->kind) {
    case STREAM: ready = stream_ready(kn, polled, data); break;
    case DATAGRAM: ready = datagram_ready(kn, polled, data); break;
    case PIPE: ready = pipe_ready(kn, polled, data); break;
    case FIFO: ready = fifo_ready(kn, polled, data); break;
    case REGULAR: ready = file_ready(kn, data); break;
    case TERMINAL:
    case MASTER: ready = terminal_ready(kn, polled, data); break;
    default:
        ready = (polled & (kn->filter == EVFILT_READ ? POLLIN | POLLHUP : POLLOUT | POLLHUP)) != 0;
        *data = ready ? 1 : 0;
    }
    kn->busy = kn->edges < 0 && (polled & (descriptor_poll_events(kn) | POLLERR | POLLHUP)) != 0;
    return ready;
}

/* R36 */
static bool pipe_ready(struct knote *kn, short polled, int64_t *data) {
    int fd = (int)kn->ident;
    int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    bool has_ended = (polled & (mode == O_WRONLY ? POLLERR : POLLHUP)) != 0;
    if (has_ended) kn->flags |= EV_EOF;
    /* The filter of the other end has nothing to say but that. */
    if (mode == (kn->filter == EVFILT_READ ? O_WRONLY : O_RDONLY)) return has_ended;

    int64_t size = fcntl(fd, F_GETPIPE_SZ), used = ask(fd, FIONREAD);
    if (kn->filter == EVFILT_READ) {
        *data = used;
        return has_ended || used >= low_water(kn, 1, size);
    }
    if (has_ended) return true;
    *data = size - used;
    return (polled & POLLOUT) != 0 && *data >= low_water(kn, PIPE_LEAST, size);
}

/* R36: a file of its own kind, without an end. */
static bool fifo_ready(struct knote *kn, short polled, int64_t *data) {
    int fd = (int)kn->ident;
    *data = ask(fd, FIONREAD);
    if (kn->filter == EVFILT_READ) return *data != 0;
    bool is_reader = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY; /* of which poll(2) says nothing */
    *data = is_reader || (polled & POLLOUT) != 0 ? fcntl(fd, F_GETPIPE_SZ) - *data : 0;
    return *data != 0;
}

/* R33, R37 */
static bool file_ready(struct knote *kn, int64_t *data) {
    struct stat file;
    fstat((int)kn->ident, &file);
    *data = kn->filter == EVFILT_WRITE ? 1 : (int64_t)file.st_size - (int64_t)lseek((int)kn->ident, 0, SEEK_CUR);
    return *data != 0;
}

/* R40 */
static bool terminal_ready(struct knote *kn, short polled, int64_t *data) {
    int fd = (int)kn->ident;
    bool ready = (polled & (kn->filter == EVFILT_READ ? POLLIN : POLLOUT)) != 0;
    if (kn->filter == EVFILT_READ && ready) {
        *data = ask(fd, FIONREAD);
        if (*data == 0) *data = 1; /* an end of file that was typed */
    }
    if (kn->filter == EVFILT_WRITE && ready && kn->kind == TERMINAL) {
        *data = TERMINAL_BUFFER - ask(fd, TIOCOUTQ);
        if (*data < 1) *data = 1;
    }
    if ((polled & POLLHUP) != 0) kn->flags |= EV_EOF;
    return ready || (kn->flags & EV_EOF) != 0;
}

static bool stream_ready(struct knote *kn, short polled, int64_t *data) {
    int fd = (int)kn->ident;
    if (socket_option(fd, SO_ACCEPTCONN) != 0) { /* R30: asked at each look */
        if (kn->filter == EVFILT_WRITE) return false;
        struct tcp_info info;
        socklen_t size = sizeof info;
        bool is_counted = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
        *data = is_counted && info.tcpi_unacked > 0 ? info.tcpi_unacked : 1;
        return (polled & POLLIN) != 0;
    }
    /* One that was never connected hangs up in poll(2), but is neither at its end nor writable. */
    if ((polled & (POLLHUP | POLLRDHUP | POLLERR)) == POLLHUP) return false;

    if (kn->filter == EVFILT_WRITE) {
        bool has_room = socket_has_room(kn, polled, data);
        bool has_ended = (polled & POLLHUP) != 0 ||
                         ((polled & POLLOUT) != 0 && socket_is_shut_for_writing(fd, STREAM));
        if (has_ended) socket_end(kn); /* R33, R34 */
        return has_ended || has_room;
    }
    int64_t mark;
    *data = stream_bytes(fd, &mark);
    if ((kn->asked & NOTE_OOB) != 0 && mark >= 0) { /* R39 */
        kn->fflags |= NOTE_OOB;
        *data -= mark;
        return true;
    }
    if ((polled & POLLRDHUP) != 0) { /* R32, R34 */
        socket_end(kn);
        return true;
    }
    return socket_has_bytes(kn, polled, *data, true);
}

/*
 * The bytes to read; *mark is how many of them come before out-of-band data, -1 where there is none.
 * FIONREAD counts to the mark and no further, unless that data is to be read in line: then it
 * counts all, and that byte as well.
 */
static int64_t stream_bytes(int fd, int64_t *mark) {
    const int on = 1, off = 0;
    *mark = -1;
    if (socket_option(fd, SO_OOBINLINE) != 0) return ask(fd, FIONREAD);
    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    int64_t all = ask(fd, FIONREAD);
    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &off, sizeof off);
    int64_t bytes = ask(fd, FIONREAD); /* after it, as more may come meanwhile */
    if (all <= bytes) return bytes;
    *mark = bytes;
    return all - 1;
}

/* R31 */
static bool datagram_ready(struct knote *kn, short polled, int64_t *data) {
    int fd = (int)kn->ident;
    if (kn->filter == EVFILT_WRITE) {
        bool has_room = socket_has_room(kn, polled, data);
        bool has_error = (polled & POLLERR) != 0;
        bool has_ended = !has_error && socket_is_shut_for_writing(fd, DATAGRAM);
        if (has_ended) kn->flags |= EV_EOF;
        return has_ended || has_error || has_room;
    }
    *data = ask(fd, FIONREAD);
    if ((polled & POLLRDHUP) != 0) {
        kn->flags |= EV_EOF;
        return true;
    }
    return socket_has_bytes(kn, polled, *data, false);
}

/* R31, R35 */
static bool socket_has_bytes(struct knote *kn, short polled, int64_t data, bool is_stream) {
    if ((polled & POLLERR) != 0) return true;
    bool is_marked = (kn->asked & NOTE_LOWAT) != 0;
    if (!is_stream && !is_marked) return (polled & POLLIN) != 0; /* an empty datagram counts */
    int fd = (int)kn->ident;
    /* Half of the buffer: the other half is what Linux adds for its own accounts (socket(7)). */
    return data >= low_water(kn, socket_option(fd, SO_RCVLOWAT), socket_option(fd, SO_RCVBUF) / 2);
}

static bool socket_has_room(struct knote *kn, short polled, int64_t *data) {
    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t size = sizeof memory;
    getsockopt((int)kn->ident, SOL_SOCKET, SO_MEMINFO, memory, &size);
    int64_t used = memory[SK_MEMINFO_WMEM_ALLOC];
    if (kn->kind == STREAM && used < memory[SK_MEMINFO_WMEM_QUEUED]) used = memory[SK_MEMINFO_WMEM_QUEUED];
    /* Half of it: each figure counts as much again for Linux's own accounts. */
    *data = ((int64_t)memory[SK_MEMINFO_SNDBUF] - used) / 2;
    if (*data < 1) *data = (polled & POLLOUT) != 0 ? 1 : 0;
    return (polled & POLLOUT) != 0 && *data >= low_water(kn, 1, memory[SK_MEMINFO_SNDBUF] / 2);
}

/*
 * One that is shut down for writing on this side alone looks writable. A stream tells when nothing is
 * sent; a datagram socket looks for that before it fetches the bytes, which are not there.
 */
static bool socket_is_shut_for_writing(int fd, enum kind kind) {
    const void *nowhere = (const void *)1;
    ssize_t sent = kind == STREAM ? send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL)
                                  : send(fd, nowhere, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 && errno == EPIPE;
}

/* EV_EOF with the socket's error, which asking SO_ERROR takes out of the socket: all that watch it keep it. */
static void socket_end(struct knote *kn) {
    int error = socket_option((int)kn->ident, SO_ERROR);
    if (error != 0) {
        kn->error = error;
        for (struct queue *q = queues; q != NULL; q = q->next) {
            for (struct knote *other = q->oldest; other != NULL; other = other->newer) {
                if (other->does == kn->does && other->ino == kn->ino && other->dev == kn->dev) other->error = error;
            }
        }
    }
    kn->flags |= EV_EOF;
    kn->fflags = (uint32_t)kn->error;
}

/* The error that another watcher of the same file has seen. */
static int known_error(const struct knote *kn) {
    for (const struct queue *q = queues; q != NULL; q = q->next) {
        for (const struct knote *other = q->oldest; other != NULL; other = other->newer) {
            if (other->does == kn->does && other->ino == kn->ino && other->dev == kn->dev) return other->error;
        }
    }
    return 0;
}

/* What the kernel is asked */

static short poll_now(int fd, short events) {
    /* ppoll(2), as poll is a name that this library exports. */
    struct pollfd one = { .fd = fd, .events = events };
    return ppoll(&one, 1, &(struct timespec){ 0 }, NULL) == 1 ? one.revents : 0;
}

/* An ioctl that gives a number, 0 where there is none. By its number, as ioctl is a name that this library exports. */
static int64_t ask(int fd, unsigned long request) {
    int value = 0;
    return syscall(SYS_ioctl, fd, request, &value) == 0 ? value : 0;
}

static int socket_option(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

/* R35: NOTE_LOWAT raises the usual mark, at most to what the buffer holds. */
static int64_t low_water(const struct knote *kn, int64_t usual, int64_t most) {
    if ((kn->asked & NOTE_LOWAT) == 0) return usual;
    if (kn->data > most) return most;
    return kn->data > usual ? kn->data : usual;
}
