/** Sockets. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { close as closeDescriptor } from "../ffi.ts";
import {
  emptySockaddr,
  familyOf,
  type InetAddress,
  packSockaddr,
  unpackSockaddr,
} from "./address.ts";
import { checkFd, checkInt, oneOf } from "./check.ts";
import { closeOnExec, complete, failure, libc } from "./libc.ts";
import { getIntOption, limitSends, setIntOption } from "./option.ts";
import {
  AF_UNIX,
  IS_DARWIN,
  PLATFORM,
  POLLIN,
  POLLOUT,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "./platform.ts";

const { EAGAIN, ECONNABORTED, EINTR } = constants.errno;

const LOOPBACK = "127.0.0.1";
/** What Linux allows by default. Systems cut a longer one to what they allow. */
const BACKLOG = 4096;

const SOCKET_TYPES = { stream: SOCK_STREAM, datagram: SOCK_DGRAM } as const;
const SHUTDOWNS = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

/** `struct pollfd`: fd, and events with revents above them. */
const pollfd = new Int32Array(new ArrayBuffer(8));

/** Where {@linkcode listen} listens. */
export interface ListenOptions {
  /** An IPv4 or IPv6 address: "127.0.0.1" unless given; "0.0.0.0" or "::" for all there are. */
  readonly address?: string;
  /** The port, 0 to 65535; 0, as unless given, is any that is free. */
  readonly port?: number;
  /**
   * How many connections may wait for {@linkcode accept}: 4096 unless given. Systems cut it to what they allow, macOS by
   * default to 128; a connection beyond that waits to be made.
   */
  readonly backlog?: number;
  /**
   * Whether others may listen on the same port, if they say so too (SO_REUSEPORT). Linux deals connections out to all of
   * them; macOS makes no promise of that.
   */
  readonly reusePort?: boolean;
}

/** A listening socket, and where it listens. */
export interface Listener extends InetAddress {
  /** The socket's descriptor. */
  fd: number;
}

/** What {@linkcode connect} connects to. */
export interface ConnectOptions {
  /** An IPv4 or IPv6 address: "127.0.0.1" unless given. */
  readonly address?: string;
  /** The port, 1 to 65535. */
  readonly port: number;
}

/**
 * Makes two Unix sockets that are connected to each other. Both are close-on-exec.
 *
 * @param type "stream" unless given, or "datagram", which keeps messages apart.
 * @throws {SystemError} EMFILE or ENFILE, when out of descriptors.
 */
export function socketpair(
  type: "stream" | "datagram" = "stream",
): [a: number, b: number] {
  const number = oneOf("type", type, SOCKET_TYPES) | PLATFORM.SOCK_CLOEXEC;
  const pair = new Int32Array(new ArrayBuffer(8));
  complete(
    "socketpair",
    () => libc().symbols.socketpair(AF_UNIX, number, 0, pair),
  );
  const [a, b] = pair;
  return [madeReady(a), madeReady(b)];
}

/**
 * Makes a TCP socket that listens. It may take the place of one closed a moment ago (SO_REUSEADDR), and is
 * close-on-exec.
 *
 * ```ts
 * import { kevRead, Kqueue } from "@kqueue/kqueue";
 * import { accept, close, connect, listen } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * using kq = new Kqueue();
 * kq.apply(kevRead(listener.fd));
 *
 * const client = connect(listener);
 * kq.wait(1000); // until a connection waits
 * const server = accept(listener.fd);
 * console.log(accept(listener.fd)); // null: no other does
 * for (const fd of [client, server, listener.fd]) if (fd !== null) close(fd);
 * ```
 *
 * @returns The descriptor and where it listens, with the port that was found for port 0.
 * @throws {RangeError} for a port or backlog that is none.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 * @throws {SystemError} EADDRINUSE, EADDRNOTAVAIL or EACCES, among others.
 */
export function listen(
  { address = LOOPBACK, port = 0, backlog = BACKLOG, reusePort = false }:
    ListenOptions = {},
): Listener {
  checkInt("backlog", backlog, 0);
  const sockaddr = packSockaddr({ address, port });
  const { symbols } = libc();
  // Linux can do without accept's wait for good; macOS has no such flag.
  const fd = openSocket(sockaddr, SOCK_STREAM | PLATFORM.SOCK_NONBLOCK);
  return orClose(fd, () => {
    setIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_REUSEADDR, 1);
    if (reusePort) {
      setIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_REUSEPORT, 1);
    }
    complete("bind", () => symbols.bind(fd, sockaddr, sockaddr.length));
    complete("listen", () => symbols.listen(fd, backlog));
    return { fd, ...getsockname(fd) };
  });
}

/**
 * Accepts a connection that waits, without ever waiting for one itself.
 *
 * It looks with poll(2) first, for on macOS a listening socket cannot be put into non-blocking mode without a variadic
 * call. So where several threads or processes accept from one socket there, a call that comes second waits for the
 * next connection.
 *
 * @param fd A listening socket.
 * @returns A socket, close-on-exec, or null where no connection waits.
 * @throws {SystemError} EMFILE or ENFILE, when out of descriptors; EBADF; ENOTSOCK or EINVAL for what does
 * not listen but has something to read. (With nothing to read, that is null too: poll(2) sees no difference.)
 */
export function accept(fd: number): number | null {
  checkFd("fd", fd);
  for (;;) {
    if (!isReady(fd, POLLIN, 0)) return null;
    const accepted = libc().accept(fd);
    if (accepted !== -1) return IS_DARWIN ? madeReady(accepted) : accepted;
    const errno = libc().errno.capture();
    if (errno === EAGAIN) return null;
    // A client that has given up already is no failure of the one who accepts.
    if (errno !== EINTR && errno !== ECONNABORTED) {
      throw new SystemError("accept", errno);
    }
  }
}

/**
 * Connects to a TCP socket, and waits until that is done: at once on the same machine, otherwise for as long as the
 * network takes. The socket is close-on-exec.
 *
 * There is no way to connect that does not wait: macOS sets O_NONBLOCK by variadic calls alone.
 *
 * @throws {RangeError} for a port that is none.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 * @throws {SystemError} ECONNREFUSED where nobody listens; ETIMEDOUT, EHOSTUNREACH or EMFILE, among others.
 */
export function connect(
  { address = LOOPBACK, port }: ConnectOptions,
): number {
  const sockaddr = packSockaddr({ address, port }, 1);
  const fd = openSocket(sockaddr, SOCK_STREAM);
  return orClose(fd, () => {
    if (libc().symbols.connect(fd, sockaddr, sockaddr.length) === -1) {
      const error = failure("connect");
      if (error.errno !== EINTR) throw error;
      awaitConnect(fd);
    }
    return fd;
  });
}

/** A connect that a signal cut short goes on by itself; making it again would only say EALREADY. */
function awaitConnect(fd: number): void {
  while (!isReady(fd, POLLOUT, -1));
  const errno = getIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_ERROR);
  if (errno !== 0) throw new SystemError("connect", errno);
}

/**
 * Ends one direction of a socket's connection, or both: the other side reads the end.
 *
 * @param fd A connected socket.
 * @param how "read", "write" or "both".
 * @throws {SystemError} ENOTCONN, ENOTSOCK or EBADF.
 */
export function shutdown(fd: number, how: "read" | "write" | "both"): void {
  checkFd("fd", fd);
  const number = oneOf("how", how, SHUTDOWNS);
  complete("shutdown", () => libc().symbols.shutdown(fd, number));
}

/**
 * The address that a TCP socket has on this side.
 *
 * @throws {SystemError} EBADF or ENOTSOCK; EAFNOSUPPORT for a socket of another family, such as one of a socketpair.
 */
export function getsockname(fd: number): InetAddress {
  checkFd("fd", fd);
  const sockaddr = emptySockaddr();
  const size = Uint32Array.of(sockaddr.length);
  complete(
    "getsockname",
    () => libc().symbols.getsockname(fd, sockaddr, size),
  );
  const address = unpackSockaddr(sockaddr);
  if (address === undefined) {
    throw new SystemError("getsockname", constants.errno.EAFNOSUPPORT);
  }
  return address;
}

function openSocket(sockaddr: Uint8Array, type: number): number {
  const fd = complete(
    "socket",
    () =>
      libc().symbols.socket(
        familyOf(sockaddr),
        type | PLATFORM.SOCK_CLOEXEC,
        0,
      ),
  );
  return madeReady(fd);
}

/** What a flag to the call that made a socket does on Linux, later calls do on macOS. */
function madeReady(fd: number): number {
  if (IS_DARWIN) {
    closeOnExec(fd);
    limitSends(fd);
  }
  return fd;
}

/** Whether poll(2) has anything to say of a descriptor, errors among it. */
function isReady(fd: number, events: number, timeoutMs: number): boolean {
  pollfd[0] = fd;
  pollfd[1] = events;
  return complete("poll", () => libc().poll(pollfd, timeoutMs)) > 0;
}

function orClose<T>(fd: number, use: () => T): T {
  try {
    return use();
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
