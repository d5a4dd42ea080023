/** Connections that are made. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { closeListeners, takenErrors } from "../kernel.ts";
import { checkOptions } from "../options.ts";
import { locate, type UnixAddress } from "./address.ts";
import { checkBoolean, fdOf } from "./check.ts";
import { failure, libc } from "./libc.ts";
import { setNonblocking } from "./mode.ts";
import { getIntOption } from "./option.ts";
import { PLATFORM, POLLOUT } from "./platform.ts";
import { isReady } from "./poll.ts";
import { openSocket, orClose, type SocketType, socketType } from "./socket.ts";

const { EINPROGRESS, EINTR } = constants.errno;

/** What {@linkcode connect} connects to, over the Internet's protocols, and how. */
export interface ConnectOptions extends ConnectMode {
  /** An IPv4 or IPv6 address: "127.0.0.1" unless given. */
  readonly address?: string;
  /** The port, 1 to 65535. */
  readonly port: number;
}

/** What {@linkcode connect} connects to on the same machine, and how. */
export interface UnixConnectOptions extends UnixAddress, ConnectMode {}

/** How {@linkcode connect} connects. */
export interface ConnectMode {
  /** "stream" unless given, which is TCP over the Internet's protocols, or "datagram", which is UDP. */
  readonly type?: SocketType;
  /** Whether to wait until the connection is made or refused; true unless given. */
  readonly wait?: boolean;
  /** Whether the socket is in non-blocking mode: unless given, where `wait` is false. */
  readonly nonblocking?: boolean;
  /** Not looked at: so what {@linkcode listen} gives can be given as it is. */
  readonly fd?: number;
}

const CONNECT_OPTIONS: Required<ConnectOptions & UnixConnectOptions> = {
  port: 8080,
  address: "127.0.0.1",
  path: "/tmp/socket",
  type: "stream",
  wait: false,
  nonblocking: true,
  fd: 3,
};

/**
 * Connects a new socket, which is close-on-exec.
 *
 * It waits until that is done: at once on the same machine, otherwise for as long as the network takes. With `wait`
 * false it does not: EVFILT_WRITE then tells when it is done, with EV_EOF where it was refused, and the error in fflags,
 * for which {@linkcode takeError} asks as well.
 *
 * ```ts
 * import { EV_EOF, kevWrite, Kqueue } from "@kqueue/kqueue";
 * import { close, connect, listen, takeError } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * const socket = connect({ port: listener.port, wait: false });
 * using kq = new Kqueue();
 * kq.apply(kevWrite(socket));
 * for (const event of kq.wait(1000)) {
 *   const refused = (event.flags & EV_EOF) !== 0;
 *   console.log(refused ? takeError(event.ident)?.code : "connected");
 * }
 * for (const fd of [socket, listener.fd]) close(fd);
 * ```
 *
 * A datagram socket is connected at once: {@linkcode send} and {@linkcode recv} then go to that address and come from
 * there alone.
 *
 * @throws {RangeError} for a port that is none, and for a path that is too long.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 * @throws {SystemError} EMFILE, and what is known at once: ECONNREFUSED where nobody listens, ENOENT for a path that is
 * not there, EHOSTUNREACH or ETIMEDOUT, among others. On Linux EAGAIN with `wait` false for a path where too many wait
 * already: there is nothing under way then.
 */
export function connect(options: ConnectOptions | UnixConnectOptions): number {
  checkOptions("options", options, CONNECT_OPTIONS);
  const {
    path,
    address,
    port,
    type = "stream",
    wait = true,
    nonblocking = !wait,
  }: Partial<ConnectOptions & UnixConnectOptions> = options;
  checkBoolean("wait", wait);
  checkBoolean("nonblocking", nonblocking);
  const { sockaddr, text } = locate({ path, address, port }, 1);
  const fd = openSocket(sockaddr, socketType(type), !wait);
  takenErrors.delete(fd);
  return orClose(fd, () => {
    if (libc().symbols.connect(fd, sockaddr, sockaddr.length) === -1) {
      const error = failure("connect", text);
      if (error.errno !== EINTR && error.errno !== EINPROGRESS) throw error;
      if (wait) awaitConnect(fd, text);
    }
    if (nonblocking === wait) setNonblocking(fd, nonblocking);
    return fd;
  });
}

/** A connect that a signal cut short goes on by itself; making it again would only say EALREADY. */
function awaitConnect(fd: number, text: string): void {
  while (!isReady(fd, POLLOUT, -1));
  const errno = getIntOption(fd, PLATFORM.SOL_SOCKET, PLATFORM.SO_ERROR);
  if (errno !== 0) throw new SystemError("connect", errno, { detail: text });
}

/**
 * The error that a socket has waiting, taken from it (SO_ERROR): why a connect that was not waited for has failed, or a
 * connection broke. The calls that move bytes throw it otherwise.
 *
 * ```ts
 * import { kevWrite, Kqueue } from "@kqueue/kqueue";
 * import { close, connect, listen, takeError } from "@kqueue/kqueue/posix";
 *
 * const { fd, port } = listen();
 * close(fd);
 * const socket = connect({ port, wait: false });
 * using kq = new Kqueue();
 * kq.apply(kevWrite(socket));
 * kq.wait(1000);
 * console.log(takeError(socket)?.code); // ECONNREFUSED
 * close(socket);
 * ```
 *
 * @param fd A socket.
 * @returns The error, or null where there is none: the connect is done, or still under way.
 * @throws {SystemError} ENOTSOCK or EBADF.
 */
export function takeError(fd: number | bigint): SystemError | null {
  const socket = fdOf("fd", fd);
  const pending = getIntOption(socket, PLATFORM.SOL_SOCKET, PLATFORM.SO_ERROR);
  // On Linux an event of EVFILT_WRITE or EVFILT_READ may have taken it already.
  const errno = pending || takenErrors.get(socket);
  takenErrors.delete(socket);
  return errno === undefined
    ? null
    : new SystemError("socket", errno, { detail: `descriptor ${socket}` });
}

closeListeners.add((fd) => takenErrors.delete(fd));
