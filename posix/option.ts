/** Options of sockets. */
import { checkBoolean, checkInt, fdOf } from "./check.ts";
import { complete, libc } from "./libc.ts";
import { IPPROTO_TCP, PLATFORM, TCP_NODELAY } from "./platform.ts";

const { SOL_SOCKET } = PLATFORM;

/** `struct timeval` of a 64-bit Darwin, 1 µs: `{ int64_t tv_sec; int32_t tv_usec; }`. */
const ONE_MICROSECOND = new Int32Array([0, 0, 1, 0]);

/**
 * Sets whether TCP sends small pieces at once (TCP_NODELAY) rather than gathering them first: a server that answers
 * requests wants it.
 *
 * ```ts
 * import { close, connect, listen, setNoDelay } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * const client = connect(listener);
 * setNoDelay(client);
 * for (const fd of [client, listener.fd]) close(fd);
 * ```
 *
 * @param fd A TCP socket.
 * @param on Whether to; true unless given.
 * @throws {SystemError} EBADF, ENOTSOCK or EOPNOTSUPP; on macOS also EINVAL where the other side is gone already.
 */
export function setNoDelay(fd: number | bigint, on?: boolean): void {
  const socket = fdOf("fd", fd);
  if (on !== undefined) checkBoolean("on", on);
  setIntOption(socket, IPPROTO_TCP, TCP_NODELAY, on === false ? 0 : 1);
}

/**
 * Sets how many bytes wait at most to be sent (SO_SNDBUF). Linux doubles it and has a least size of its own.
 *
 * ```ts
 * import { close, setSendBufferSize, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair();
 * setSendBufferSize(a, 256 * 1024);
 * for (const fd of [a, b]) close(fd);
 * ```
 *
 * @param fd A socket.
 * @param bytes 1 to 2^31-1.
 * @throws {SystemError} EBADF or ENOTSOCK; on macOS ENOBUFS for more than it allows.
 */
export function setSendBufferSize(fd: number | bigint, bytes: number): void {
  setSize(fd, PLATFORM.SO_SNDBUF, bytes);
}

/**
 * Sets how many bytes wait at most to be received (SO_RCVBUF). Linux doubles it and has a least size of its own.
 *
 * ```ts
 * import { close, setReceiveBufferSize, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair();
 * setReceiveBufferSize(a, 256 * 1024);
 * for (const fd of [a, b]) close(fd);
 * ```
 *
 * @param fd A socket.
 * @param bytes 1 to 2^31-1.
 * @throws {SystemError} EBADF or ENOTSOCK; on macOS ENOBUFS for more than it allows.
 */
export function setReceiveBufferSize(fd: number | bigint, bytes: number): void {
  setSize(fd, PLATFORM.SO_RCVBUF, bytes);
}

/**
 * Sets a socket's low-water mark (SO_RCVLOWAT): from how many bytes on EVFILT_READ reports it.
 *
 * ```ts
 * import { close, connect, listen, setReceiveLowWater } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * const client = connect(listener);
 * setReceiveLowWater(client, 4); // a header's length, say
 * for (const fd of [client, listener.fd]) close(fd);
 * ```
 *
 * @param fd A socket.
 * @param bytes 1 to 2^31-1; a new socket has 1.
 * @throws {SystemError} EBADF or ENOTSOCK.
 */
export function setReceiveLowWater(fd: number | bigint, bytes: number): void {
  setSize(fd, PLATFORM.SO_RCVLOWAT, bytes);
}

/**
 * Sets what closing does with bytes not yet sent (SO_LINGER). 0 seconds throws them away and resets the connection: the
 * other side gets ECONNRESET.
 *
 * ```ts
 * import { close, connect, listen, setLinger } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * const client = connect(listener);
 * setLinger(client, 0);
 * close(client); // a reset rather than the end
 * close(listener.fd);
 * ```
 *
 * @param fd A connected socket.
 * @param seconds How long closing waits for them to be sent, or null for the way of a new socket: closing returns at
 * once, and they are sent all the same.
 * @throws {SystemError} EBADF or ENOTSOCK.
 */
export function setLinger(fd: number | bigint, seconds: number | null): void {
  const socket = fdOf("fd", fd);
  if (seconds !== null) checkInt("seconds", seconds, 0);
  setOption(
    socket,
    SOL_SOCKET,
    PLATFORM.SO_LINGER,
    // struct linger { int l_onoff; int l_linger; }
    Int32Array.of(seconds === null ? 0 : 1, seconds ?? 0),
  );
}

/**
 * Bounds how long a send waits on Darwin: the flag that keeps it from waiting at all, MSG_NBIO, is the kernel's own and
 * no promise; this option is documented.
 */
export function limitSends(fd: number): void {
  // It fails where the other side is gone already, and then nothing waits.
  libc().symbols.setsockopt(
    fd,
    SOL_SOCKET,
    PLATFORM.SO_SNDTIMEO,
    ONE_MICROSECOND,
    ONE_MICROSECOND.byteLength,
  );
}

/** Sets an option that is an `int`. */
export function setIntOption(
  fd: number,
  level: number,
  name: number,
  value: number,
): void {
  setOption(fd, level, name, Int32Array.of(value));
}

/** What an option that is an `int` is set to. */
export function getIntOption(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const size = Uint32Array.of(value.byteLength);
  complete(
    "getsockopt",
    () => libc().symbols.getsockopt(fd, level, name, value, size),
  );
  return value[0];
}

function setSize(fd: number | bigint, name: number, bytes: number): void {
  const socket = fdOf("fd", fd);
  checkInt("bytes", bytes, 1);
  setIntOption(socket, SOL_SOCKET, name, bytes);
}

function setOption(
  fd: number,
  level: number,
  name: number,
  value: Int32Array,
): void {
  complete(
    "setsockopt",
    () => libc().symbols.setsockopt(fd, level, name, value, value.byteLength),
  );
}
