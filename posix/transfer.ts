/** Bytes in and out of descriptors. */
import { checkOptions } from "../options.ts";
import { byteCount, fdOf } from "./check.ts";
import { libc, wouldBlock } from "./libc.ts";
import { MSG_OOB, MSG_PEEK, PLATFORM } from "./platform.ts";

/** What keeps recv(2) and its like from waiting, whatever the mode of the socket. */
export const RECEIVE: number = PLATFORM.MSG_DONTWAIT;
/** What keeps send(2) and its like from waiting and from raising SIGPIPE. */
export const SEND: number = PLATFORM.MSG_DONTWAIT | PLATFORM.MSG_NBIO |
  PLATFORM.MSG_NOSIGNAL;

/** How {@linkcode recv} takes bytes. */
export interface RecvOptions {
  /** Whether to leave the bytes in the socket, for the next call to find them again. */
  readonly peek?: boolean;
  /** Whether to take the out-of-band byte instead of the others. */
  readonly outOfBand?: boolean;
}

/** How {@linkcode send} gives bytes. */
export interface SendOptions {
  /** Whether the last byte is sent out of band. */
  readonly outOfBand?: boolean;
}

const RECV_OPTIONS: Required<RecvOptions> = { peek: true, outOfBand: true };
const SEND_OPTIONS: Required<SendOptions> = { outOfBand: true };

/**
 * Reads bytes, as many as there are and as fit.
 *
 * It waits for the first of them where there are none yet, unless the descriptor is in non-blocking mode
 * ({@linkcode setNonblocking}): after an event of EVFILT_READ it does not. On a socket, {@linkcode recv} never waits,
 * whatever its mode.
 *
 * ```ts
 * import { close, pipe, read, write } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * write(writer, new TextEncoder().encode("hello"));
 * const buffer = new Uint8Array(64);
 * console.log(read(reader, buffer)); // 5
 * close(writer);
 * console.log(read(reader, buffer)); // 0, the end
 * close(reader);
 * ```
 *
 * @param fd What to read from.
 * @param buffer Where the bytes go. An empty one gets 0, at the end or not.
 * @returns The count; 0 at the end; null where a descriptor in non-blocking mode has nothing yet.
 * @throws {SystemError} EBADF, EIO, EISDIR or ECONNRESET, among others.
 */
export function read(fd: number | bigint, buffer: Uint8Array): number | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("buffer", buffer);
  const { symbols } = libc();
  for (;;) {
    const count = symbols.read(descriptor, buffer, length);
    if (count !== -1) return count;
    if (wouldBlock("read")) return null;
  }
}

/**
 * Writes bytes, as many as are taken.
 *
 * It waits for room where the descriptor cannot take them all, unless it is in non-blocking mode
 * ({@linkcode setNonblocking}): in blocking mode write no more to a pipe than the data of an event of EVFILT_WRITE. On a
 * socket, {@linkcode send} never waits, whatever its mode.
 *
 * In non-blocking mode, a pipe takes up to PIPE_BUF bytes (512 on macOS, 4096 on Linux) whole or not at all, and of more
 * a part.
 *
 * ```ts
 * import { close, pipe, write } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe({ nonblocking: true });
 * const bytes = new Uint8Array(1 << 20);
 * console.log(write(writer, bytes)); // what the pipe holds
 * console.log(write(writer, bytes)); // null
 * for (const fd of [reader, writer]) close(fd);
 * ```
 *
 * @param fd What to write to.
 * @param bytes What to write.
 * @returns The count, which may be less than asked; null where a descriptor in non-blocking mode has no room.
 * @throws {SystemError} EPIPE where nobody can read it any more; EBADF or ENOSPC, among others.
 */
export function write(fd: number | bigint, bytes: Uint8Array): number | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("bytes", bytes);
  const { symbols } = libc();
  for (;;) {
    const count = symbols.write(descriptor, bytes, length);
    if (count !== -1) return count;
    if (wouldBlock("write")) return null;
  }
}

/**
 * Receives from a socket what is there, without ever waiting.
 *
 * ```ts
 * import { close, recv, send, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair();
 * const buffer = new Uint8Array(64);
 * console.log(recv(b, buffer)); // null
 * send(a, new TextEncoder().encode("hello"));
 * console.log(recv(b, buffer, { peek: true })); // 5
 * console.log(recv(b, buffer)); // 5
 * close(a);
 * console.log(recv(b, buffer)); // 0, the end
 * close(b);
 * ```
 *
 * @param fd A socket.
 * @param buffer Where the bytes go. Of a datagram, what does not fit is lost.
 * @returns The count; 0 at the end of a stream or for an empty datagram; null where there is nothing yet.
 * @throws {SystemError} ECONNRESET, ENOTCONN, ENOTSOCK or EBADF, among others; EINVAL for an out-of-band byte that is not
 * there.
 */
export function recv(
  fd: number | bigint,
  buffer: Uint8Array,
  options?: RecvOptions,
): number | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("buffer", buffer);
  const flags = options === undefined ? RECEIVE : recvFlags(options);
  const { symbols } = libc();
  for (;;) {
    const count = symbols.recv(descriptor, buffer, length, flags);
    if (count !== -1) return count;
    if (wouldBlock("recv")) return null;
  }
}

/**
 * Sends on a socket what there is room for, without ever waiting.
 *
 * ```ts
 * import { close, send, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair();
 * const bytes = new Uint8Array(1 << 26);
 * console.log(send(a, bytes)); // what there is room for
 * for (const fd of [a, b]) close(fd);
 * ```
 *
 * @param fd A connected socket.
 * @param bytes What to send: to a datagram socket, one datagram.
 * @returns The count, which may be less than asked; null where there is no room.
 * @throws {SystemError} EPIPE, ECONNRESET, ENOTCONN, ENOTSOCK or EBADF, among others; EMSGSIZE for a datagram that is
 * too long.
 */
export function send(
  fd: number | bigint,
  bytes: Uint8Array,
  options?: SendOptions,
): number | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("bytes", bytes);
  const flags = options === undefined ? SEND : sendFlags(options);
  const { symbols } = libc();
  for (;;) {
    const count = symbols.send(descriptor, bytes, length, flags);
    if (count !== -1) return count;
    if (wouldBlock("send")) return null;
  }
}

function recvFlags(options: RecvOptions): number {
  checkOptions("options", options, RECV_OPTIONS);
  const { peek = false, outOfBand = false } = options;
  return RECEIVE | (peek ? MSG_PEEK : 0) | (outOfBand ? MSG_OOB : 0);
}

function sendFlags(options: SendOptions): number {
  checkOptions("options", options, SEND_OPTIONS);
  const { outOfBand = false } = options;
  return SEND | (outOfBand ? MSG_OOB : 0);
}
