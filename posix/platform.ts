/** The numbers of this system's headers. */
import { OS } from "../runtime.ts";

/** What `<sys/socket.h>`, `<netinet/in.h>`, `<fcntl.h>` and their like define, by the names that they use. */
export interface Platform {
  /** Whether a sockaddr begins with its length, as BSD's do. */
  readonly sockaddrHasLength: boolean;
  /** sizeof(sun_path), its NUL included. */
  readonly sunPathSize: number;
  readonly AF_INET6: number;
  /** 0 where there is no such flag and FIOCLEX must do. */
  readonly SOCK_CLOEXEC: number;
  /** 0 where there is no such flag. */
  readonly SOCK_NONBLOCK: number;
  readonly SOL_SOCKET: number;
  readonly SO_REUSEADDR: number;
  readonly SO_REUSEPORT: number;
  /** Counts in seconds; on Darwin that is `SO_LINGER_SEC`. */
  readonly SO_LINGER: number;
  readonly SO_SNDBUF: number;
  readonly SO_RCVBUF: number;
  readonly SO_RCVLOWAT: number;
  readonly SO_SNDTIMEO: number;
  readonly SO_ERROR: number;
  readonly SO_TYPE: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_NOSIGNAL: number;
  /** 0 where MSG_DONTWAIT does it. */
  readonly MSG_NBIO: number;
  readonly O_NONBLOCK: number;
  readonly O_APPEND: number;
  readonly O_TRUNC: number;
  readonly O_CLOEXEC: number;
  readonly FIOCLEX: bigint;
  /** What a pipe that poll(2) calls writable takes at least. */
  readonly PIPE_BUF: number;
}

/** macOS, on Apple silicon and Intel. */
export const DARWIN: Platform = {
  sockaddrHasLength: true,
  sunPathSize: 104,
  AF_INET6: 30,
  SOCK_CLOEXEC: 0,
  SOCK_NONBLOCK: 0,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 0x4,
  SO_REUSEPORT: 0x200,
  SO_LINGER: 0x1080,
  SO_SNDBUF: 0x1001,
  SO_RCVBUF: 0x1002,
  SO_RCVLOWAT: 0x1004,
  SO_SNDTIMEO: 0x1005,
  SO_ERROR: 0x1007,
  SO_TYPE: 0x1008,
  MSG_DONTWAIT: 0x80,
  MSG_NOSIGNAL: 0x80000,
  // Not in the public header. The kernel's sosendcheck() looks at this one where its soreceive() looks at both.
  MSG_NBIO: 0x20000,
  O_NONBLOCK: 0x4,
  O_APPEND: 0x8,
  O_TRUNC: 0x400,
  O_CLOEXEC: 0x100_0000,
  FIOCLEX: 0x2000_6601n,
  PIPE_BUF: 512,
};

/** Linux, on x86-64 and arm64, with glibc or musl. */
export const LINUX: Platform = {
  sockaddrHasLength: false,
  sunPathSize: 108,
  AF_INET6: 10,
  SOCK_CLOEXEC: 0o2000000,
  SOCK_NONBLOCK: 0o4000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_REUSEPORT: 15,
  SO_LINGER: 13,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_RCVLOWAT: 18,
  SO_SNDTIMEO: 21,
  SO_ERROR: 4,
  SO_TYPE: 3,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  MSG_NBIO: 0,
  O_NONBLOCK: 0o4000,
  O_APPEND: 0o2000,
  O_TRUNC: 0o1000,
  O_CLOEXEC: 0o2000000,
  FIOCLEX: 0x5451n,
  PIPE_BUF: 4096,
};

/** Whether this is macOS. */
export const IS_DARWIN: boolean = OS === "darwin";

/** This system's. */
export const PLATFORM: Platform = IS_DARWIN ? DARWIN : LINUX;

// The same on both.
export const AF_UNIX = 1;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const MSG_OOB = 1;
export const MSG_PEEK = 2;
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const POLLIN = 1;
export const POLLOUT = 4;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const WNOHANG = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
