/** Sockets that connections come to. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { checkOptions, optionsOf } from "../options.ts";
import { type InetAddress, locate, type UnixAddress } from "./address.ts";
import { checkBoolean, checkInt, fdOf } from "./check.ts";
import { complete, libc } from "./libc.ts";
import { acceptsAtOnce } from "./mode.ts";
import { setIntOption } from "./option.ts";
import { IS_DARWIN, PLATFORM, POLLIN, SOCK_STREAM } from "./platform.ts";
import { isReady } from "./poll.ts";
import { finishOnDarwin, getsockname, openSocket, orClose } from "./socket.ts";

const { EAGAIN, ECONNABORTED, EINTR } = constants.errno;

/** What Linux allows by default. Systems cut a longer one to what they allow. */
const BACKLOG = 4096;

/** Where {@linkcode listen} listens. */
export interface ListenOptions {
  /** An IPv4 or IPv6 address: "127.0.0.1" unless given; "0.0.0.0" or "::" for all there are. */
  readonly address?: string;
  /** The port, 0 to 65535; 0, as unless given, is any that is free. */
  readonly port?: number;
  /**
   * How many connections may wait for {@linkcode accept}: 4096 unless given. Systems cut it to what they allow, macOS by
   * default to 128, of which it takes half as many more; a connection beyond that waits to be made.
   */
  readonly backlog?: number;
  /**
   * Whether others may listen on the same port, if they say so too (SO_REUSEPORT). Linux deals connections out to all of
   * them; macOS makes no promise of that.
   */
  readonly reusePort?: boolean;
}

/** Where {@linkcode listen} listens for processes of the same machine. */
export interface UnixListenOptions extends UnixAddress {
  /** As for {@linkcode ListenOptions}; a connection beyond it is refused on macOS. */
  readonly backlog?: number;
}

/** A listening socket, and where it listens. */
export interface Listener extends InetAddress {
  /** The socket's descriptor. */
  fd: number;
}

/** A listening Unix socket, and where it listens. */
export interface UnixListener extends UnixAddress {
  /** The socket's descriptor. */
  fd: number;
}

/** How {@linkcode accept} makes sockets. */
export interface AcceptOptions {
  /** Whether the socket is in non-blocking mode; it is not unless given. */
  readonly nonblocking?: boolean;
}

const LISTEN_OPTIONS: Required<ListenOptions & UnixListenOptions> = {
  port: 8080,
  address: "127.0.0.1",
  path: "/tmp/socket",
  backlog: BACKLOG,
  reusePort: true,
};
const ACCEPT_OPTIONS: Required<AcceptOptions> = { nonblocking: true };

/**
 * Makes a TCP socket that listens, in non-blocking mode. It may take the place of one closed a moment ago
 * (SO_REUSEADDR), and is close-on-exec.
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
export function listen(options?: ListenOptions): Listener;
/**
 * Makes a Unix socket that listens at a path, in non-blocking mode. It is close-on-exec.
 *
 * The path is a file that stays when the socket is closed: {@linkcode unlink} removes it. Who may connect is a matter of
 * its directory's mode.
 *
 * ```ts
 * import { accept, close, connect, getpid, listen, unlink } from "@kqueue/kqueue/posix";
 *
 * const listener = listen({ path: `/tmp/kqueue-example-${getpid()}` });
 * const client = connect(listener);
 * const server = accept(listener.fd);
 * for (const fd of [client, server, listener.fd]) if (fd !== null) close(fd);
 * unlink(listener.path);
 * ```
 *
 * @returns The descriptor and the path.
 * @throws {RangeError} for a path that is too long, and for a backlog that is none.
 * @throws {TypeError} for what is no path, and for a path beside a port or an address.
 * @throws {SystemError} EADDRINUSE where the path is there already; EACCES or ENOENT, among others.
 */
export function listen(options: UnixListenOptions): UnixListener;
export function listen(
  options?: ListenOptions | UnixListenOptions,
): Listener | UnixListener {
  const { path, address, port, backlog = BACKLOG, reusePort = false }: Partial<
    ListenOptions & UnixListenOptions
  > = optionsOf(options, LISTEN_OPTIONS);
  checkInt("backlog", backlog, 0);
  checkBoolean("reusePort", reusePort);
  const { sockaddr, text } = locate({ path, address, port }, 0);
  const { symbols } = libc();
  const fd = openSocket(sockaddr, SOCK_STREAM, true);
  return orClose(fd, () => {
    // A Unix socket would take it, and do nothing with it.
    if (path === undefined) {
      setIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_REUSEADDR, 1);
    }
    if (path === undefined && reusePort) {
      setIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_REUSEPORT, 1);
    }
    complete(
      "bind",
      () => symbols.bind(fd, sockaddr, sockaddr.length),
      text,
    );
    complete("listen", () => symbols.listen(fd, backlog), text);
    return path === undefined ? { fd, ...getsockname(fd) } : { fd, path };
  });
}

/**
 * Accepts a connection that waits, without ever waiting for one itself.
 *
 * Call it as often as the data of EVFILT_READ's event says: that is how many connections wait. One call more gives null,
 * and costs on Linux as much as one that gives a socket.
 *
 * A listener of {@linkcode listen} is in non-blocking mode, and so a call is one system call. For a listener in blocking
 * mode, poll(2) is asked first; where several threads or processes accept from it, another may take the connection
 * meanwhile, and then this one does wait. The mode is looked up once: that another process sets it back is not noticed.
 *
 * ```ts
 * import { kevRead, Kqueue } from "@kqueue/kqueue";
 * import { accept, close, connect, listen } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * using kq = new Kqueue();
 * kq.apply(kevRead(listener.fd));
 * const client = connect(listener);
 * const [{ data }] = kq.wait(1000);
 * for (let waiting = data; waiting > 0n; waiting--) {
 *   const server = accept(listener.fd, { nonblocking: true });
 *   if (server !== null) close(server);
 * }
 * for (const fd of [client, listener.fd]) close(fd);
 * ```
 *
 * @param fd A listening socket.
 * @returns A socket, close-on-exec, or null where no connection waits.
 * @throws {SystemError} EMFILE or ENFILE, when out of descriptors: on Linux the connection goes on waiting, macOS closes it
 * (`accept_nocancel` of xnu); EBADF; ENOTSOCK or EINVAL for what does not listen, or
 * null, where that is in blocking mode and has nothing to read.
 */
export function accept(
  fd: number | bigint,
  options?: AcceptOptions,
): number | null {
  const listener = fdOf("fd", fd);
  const nonblocking = options !== undefined && wantsNonblocking(options);
  for (;;) {
    if (!acceptsAtOnce(listener) && !isReady(listener, POLLIN, 0)) return null;
    const accepted = libc().accept(listener, nonblocking);
    if (accepted !== -1) {
      if (IS_DARWIN) finishOnDarwin(accepted, nonblocking);
      return accepted;
    }
    const errno = libc().errno.capture();
    if (errno === EAGAIN) return null;
    // A client that has given up already is no failure of the one who accepts.
    if (errno !== EINTR && errno !== ECONNABORTED) {
      const detail = `descriptor ${listener}`;
      throw new SystemError("accept", errno, { detail });
    }
  }
}

function wantsNonblocking(options: AcceptOptions): boolean {
  checkOptions("options", options, ACCEPT_OPTIONS);
  const { nonblocking = false } = options;
  checkBoolean("nonblocking", nonblocking);
  return nonblocking;
}
