/** What the engine calls of Linux's C library, glibc or musl, x86-64 or arm64. */
import { constants } from "node:os";
import {
  ArrayBuffer,
  type Bytes,
  Int32Array,
  Uint8Array,
  type Words,
} from "../../intrinsics.ts";
import { addressOf, Errno, openSystemLibrary } from "../../library.ts";
import { POLL_SYMBOLS, type PollLibrary } from "../../poll.ts";

/**
 * Variadic functions are declared with the arguments that the engine passes: on Linux they travel in registers like
 * any others. Where C says `unsigned long` but the kernel takes 32 bits of it, so does the declaration: Deno's FFI
 * wants 64-bit arguments as bigints.
 */
const SYMBOLS = {
  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  // int epoll_pwait2(int, struct epoll_event *, int, const struct timespec *, const sigset_t *, size_t); as a bare
  // system call, for C libraries before glibc 2.35
  epoll_pwait2: {
    name: "syscall",
    parameters: ["i64", "i32", "pointer", "i32", "pointer", "pointer", "usize"],
    result: "i64",
  },
  // int ioctl(int fd, unsigned long request, int *argument);
  ioctl: { parameters: ["i32", "u32", "pointer"], result: "i32" },
  // int fcntl(int fd, int command, ... /* int least */); most of the commands used here take no argument
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
  duplicate: {
    name: "fcntl",
    parameters: ["i32", "i32", "i32"],
    result: "i32",
  },
  // int getrlimit(int resource, struct rlimit *limit);
  getrlimit: { parameters: ["i32", "pointer"], result: "i32" },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *length);
  getsockopt: {
    parameters: ["i32", "i32", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // ssize_t send(int fd, const void *bytes, size_t length, int flags); of its result no more than -1 is of interest
  send: { parameters: ["i32", "pointer", "usize", "i32"], result: "i32" },
  // ssize_t recv(int fd, void *bytes, size_t length, int flags);
  recv: { parameters: ["i32", "pointer", "usize", "i32"], result: "isize" },
  // ssize_t read(int fd, void *bytes, size_t length);
  read: { parameters: ["i32", "pointer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *bytes, size_t length);
  write: { parameters: ["i32", "pointer", "usize"], result: "isize" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int dup3(int old, int new, int flags);
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int eventfd(unsigned int initial, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int timerfd_create(int clock, int flags);
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  // int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
  timerfd_settime: {
    parameters: ["i32", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // int inotify_init1(int flags);
  inotify_init1: { parameters: ["i32"], result: "i32" },
  // int inotify_add_watch(int fd, const char *path, uint32_t mask);
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int inotify_rm_watch(int fd, int wd);
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // ssize_t readlink(const char *path, char *bytes, size_t length);
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  // int statx(int fd, const char *path, int flags, unsigned int mask, struct statx *); as a bare system call, for C
  // libraries before glibc 2.28
  statx: {
    name: "syscall",
    parameters: ["i64", "i32", "pointer", "i32", "u32", "pointer"],
    result: "i64",
  },
  statxPath: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "i32", "u32", "pointer"],
    result: "i64",
  },
  // int fstatfs(int fd, struct statfs *buffer);
  fstatfs: { parameters: ["i32", "pointer"], result: "i32" },
  // int pidfd_open(pid_t pid, unsigned int flags); as a bare system call, for musl and glibc before 2.36
  pidfd_open: {
    name: "syscall",
    parameters: ["i64", "i32", "u32"],
    result: "i64",
  },
  // int waitid(idtype_t type, id_t id, siginfo_t *info, int options);
  waitid: { parameters: ["i32", "u32", "pointer", "i32"], result: "i32" },
  // int getpagesize(void);
  getpagesize: { parameters: [], result: "i32" },
  // int sigaction(int signal, const struct sigaction *new, struct sigaction *old);
  sigaction: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  // int kill(pid_t pid, int signal);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // int clock_gettime(clockid_t clock, struct timespec *now);
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The functions, opened with the engine. */
export let libc: Deno.StaticForeignLibraryInterface<
  typeof SYMBOLS & typeof POLL_SYMBOLS
>;
let lastErrno: Errno;
/** Bytes of one page of memory, which is what pipes are made of. */
export let pageSize: number;

/** Opens the C library, once. */
export function openLibc(): void {
  if (libc !== undefined) return;
  const { symbols } = openSystemLibrary({ ...SYMBOLS, ...POLL_SYMBOLS });
  lastErrno = new Errno(symbols, symbols.__errno_location());
  pageSize = symbols.getpagesize();
  scratch.pointer = addressOf(symbols, scratch.words);
  scratch.emptyPath = addressOf(symbols, scratch.noPath);
  scratch.secondPointer = addressOf(symbols, scratch.second);
  libc = symbols;
}

/** What a wait on another thread calls. */
export function pollLibrary(): PollLibrary {
  return { symbols: libc, errno: lastErrno };
}

/** The errno of the call that has just failed. */
export function captureErrno(): number {
  return lastErrno.capture();
}

/** The address of bytes that stand on an ArrayBuffer of their own. */
export function pointerTo(bytes: BufferSource): Deno.PointerValue {
  return addressOf(libc, bytes);
}

/** A few words for out-parameters: each use is over before the next begins. */
export const scratch: {
  readonly words: Words;
  pointer: Deno.PointerValue;
  readonly second: Words;
  secondPointer: Deno.PointerValue;
  readonly noPath: Bytes;
  emptyPath: Deno.PointerValue;
} = {
  words: new Int32Array(new ArrayBuffer(256)),
  pointer: null,
  second: new Int32Array(new ArrayBuffer(16)),
  secondPointer: null,
  noPath: new Uint8Array(new ArrayBuffer(8)),
  emptyPath: null,
};

/** Sets the first so many words of {@linkcode scratch} to 0. */
export function clearScratch(count: number): void {
  for (let index = 0; index < count; index++) scratch.words[index] = 0;
}

const { errno } = constants;

/** This platform's errno numbers. */
export const EACCES: number = errno.EACCES;
export const EAGAIN: number = errno.EAGAIN;
export const ECHILD: number = errno.ECHILD;
export const EBADF: number = errno.EBADF;
export const EEXIST: number = errno.EEXIST;
export const EINTR: number = errno.EINTR;
export const EINVAL: number = errno.EINVAL;
export const ELOOP: number = errno.ELOOP;
export const EMFILE: number = errno.EMFILE;
export const ENFILE: number = errno.ENFILE;
export const ENOENT: number = errno.ENOENT;
export const ENOSPC: number = errno.ENOSPC;
export const ENOMEM: number = errno.ENOMEM;
export const ENOSYS: number = errno.ENOSYS;
export const ENOTSOCK: number = errno.ENOTSOCK;
export const ENOTSUP: number = errno.ENOTSUP;
export const EPERM: number = errno.EPERM;
export const EPIPE: number = errno.EPIPE;
export const ERANGE: number = errno.ERANGE;
export const ESRCH: number = errno.ESRCH;

/** `O_CLOEXEC`, and so EPOLL_CLOEXEC, EFD_CLOEXEC and the like, of both architectures. */
export const CLOEXEC = 0o2000000;
/** `O_NONBLOCK`, and so EFD_NONBLOCK and the like, of both architectures. */
export const NONBLOCK = 0o4000;
