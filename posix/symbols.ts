/** What the calls of this folder need of the C library, by the C prototypes beside them. */
import { MEMORY_SYMBOLS } from "../library.ts";

/**
 * What both systems have in the same form.
 *
 * No variadic argument is declared but that of `fcntl`: Apple silicon passes those on the stack. `ssize_t` results are declared as 32 bits,
 * for no call here is given more bytes than those can count, and so they come back as numbers. `mode_t` has 16 bits on
 * Darwin and 32 on Linux: as an argument it fills a register's low 32 on both.
 */
const SHARED_SYMBOLS = {
  // ssize_t read(int fildes, void *buf, size_t nbyte);
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t write(int fildes, const void *buf, size_t nbyte);
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t recv(int socket, void *buffer, size_t length, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // ssize_t send(int socket, const void *buffer, size_t length, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },

  recvfrom: {
    parameters: [
      "i32", // int socket
      "buffer", // void *restrict buffer
      "usize", // size_t length
      "i32", // int flags
      "buffer", // struct sockaddr *restrict address
      "buffer", // socklen_t *restrict address_len
    ],
    result: "i32", // ssize_t
  },
  sendto: {
    parameters: [
      "i32", // int socket
      "buffer", // const void *buffer
      "usize", // size_t length
      "i32", // int flags
      "buffer", // const struct sockaddr *dest_addr
      "u32", // socklen_t dest_len
    ],
    result: "i32", // ssize_t
  },

  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int socketpair(int domain, int type, int protocol, int socket_vector[2]);
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int bind(int socket, const struct sockaddr *address, socklen_t address_len);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int listen(int socket, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int connect(int socket, const struct sockaddr *address, socklen_t address_len);
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int getsockname(int socket, struct sockaddr *address, socklen_t *address_len);
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: [
      "i32", // int socket
      "i32", // int level
      "i32", // int option_name
      "buffer", // void *option_value
      "buffer", // socklen_t *option_len
    ],
    result: "i32", // int
  },
  setsockopt: {
    parameters: [
      "i32", // int socket
      "i32", // int level
      "i32", // int option_name
      "buffer", // const void *option_value
      "u32", // socklen_t option_len
    ],
    result: "i32", // int
  },
  // int shutdown(int socket, int how);
  shutdown: { parameters: ["i32", "i32"], result: "i32" },

  // int open(const char *path, int oflag, ...); the mode that O_CREAT takes is variadic.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int creat(const char *path, mode_t mode);
  creat: { parameters: ["buffer", "u32"], result: "i32" },
  // int dup(int fildes);
  dup: { parameters: ["i32"], result: "i32" },
  // int dup2(int fildes, int fildes2);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fildes, unsigned long request, ...); FIOCLEX takes no third argument.
  ioctl: { parameters: ["i32", "u64"], result: "i32" },
  // int fcntl(int fildes, int cmd, ...); F_GETFL takes no third argument.
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
  // The same with a third one where a fixed argument would be: there Linux and Darwin on Intel look for it.
  fcntlWith: {
    name: "fcntl",
    parameters: ["i32", "i32", "i64"],
    result: "i32",
  },
  // off_t lseek(int fildes, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int ftruncate(int fildes, off_t length);
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int fchmod(int fildes, mode_t mode);
  fchmod: { parameters: ["i32", "u32"], result: "i32" },

  // int unlink(const char *path);
  unlink: { parameters: ["buffer"], result: "i32" },
  // int rename(const char *old, const char *new);
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  // int link(const char *path1, const char *path2);
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  // int mkdir(const char *path, mode_t mode);
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  // int rmdir(const char *path);
  rmdir: { parameters: ["buffer"], result: "i32" },

  // pid_t getpid(void);
  getpid: { parameters: [], result: "i32" },
  // int kill(pid_t pid, int sig);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // pid_t waitpid(pid_t pid, int *stat_loc, int options);
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  posix_spawnp: {
    parameters: [
      "buffer", // pid_t *restrict pid
      "buffer", // const char *restrict file
      "pointer", // const posix_spawn_file_actions_t *file_actions
      "pointer", // const posix_spawnattr_t *restrict attrp
      "buffer", // char *const argv[restrict]
      "buffer", // char *const envp[restrict]
    ],
    result: "i32", // int: the errno itself, 0 for success
  },

  // void *memmove(void *dst, const void *src, size_t len); here for an address as a number.
  addressNumber: {
    name: "memmove",
    parameters: ["buffer", "buffer", "usize"],
    result: "usize",
  },
} as const;

const DARWIN_SYMBOLS = {
  fcntlOnStack: {
    name: "fcntl",
    parameters: [
      "i32", // int fildes
      "i32", // int cmd
      // Eight integers go in registers. What comes ninth is where a variadic function of Apple silicon looks for its
      // first variadic argument: at the top of the stack, in eight bytes.
      "i32",
      "i32",
      "i32",
      "i32",
      "i32",
      "i32",
      "i64", // ...
    ],
    result: "i32", // int
  },
  // int pipe(int fildes[2]);
  pipe: { parameters: ["buffer"], result: "i32" },
  // int accept(int socket, struct sockaddr *restrict address, socklen_t *restrict address_len);
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  // int poll(struct pollfd fds[], nfds_t nfds, int timeout); nfds_t is an unsigned int.
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  // int *__error(void);
  __error: { parameters: [], result: "pointer" },
} as const;

const LINUX_SYMBOLS = {
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int accept4(int sockfd, struct sockaddr *restrict addr, socklen_t *restrict addrlen, int flags);
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout); nfds_t is an unsigned long.
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const COMMON: typeof SHARED_SYMBOLS & typeof MEMORY_SYMBOLS = {
  ...SHARED_SYMBOLS,
  ...MEMORY_SYMBOLS,
};

/** What is called of Darwin's C library. */
export const DARWIN_CALLS: typeof COMMON & typeof DARWIN_SYMBOLS = {
  ...COMMON,
  ...DARWIN_SYMBOLS,
};

/** What is called of Linux's, glibc or musl. */
export const LINUX_CALLS: typeof COMMON & typeof LINUX_SYMBOLS = {
  ...COMMON,
  ...LINUX_SYMBOLS,
};

/** What this entry point calls of Darwin's C library, by the C prototypes in its source. */
export const DARWIN_POSIX_SYMBOLS: Deno.ForeignLibraryInterface = DARWIN_CALLS;

/** What this entry point calls of Linux's C library, glibc or musl, by the C prototypes in its source. */
export const LINUX_POSIX_SYMBOLS: Deno.ForeignLibraryInterface = LINUX_CALLS;

/** The functions that both systems have in the same form. */
export type Symbols = Deno.StaticForeignLibraryInterface<typeof COMMON>;
