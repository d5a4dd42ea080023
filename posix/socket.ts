/** What all sockets have in common, and pairs of them. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { close as closeDescriptor } from "../ffi.ts";
import { optionsOf } from "../options.ts";
import {
  emptySockaddr,
  familyOf,
  type InetAddress,
  unpackSockaddr,
} from "./address.ts";
import { checkBoolean, fdOf, oneOf } from "./check.ts";
import { closeOnExec, complete, libc } from "./libc.ts";
import { setNewMode } from "./mode.ts";
import { limitSends } from "./option.ts";
import {
  AF_UNIX,
  IS_DARWIN,
  PLATFORM,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "./platform.ts";

/** How a socket carries bytes: as a stream of them, or in messages that are kept apart. */
export type SocketType = "stream" | "datagram";

/** What {@linkcode socketpair} makes. */
export interface SocketpairOptions {
  /** Whether both are in non-blocking mode; they are not unless given. */
  readonly nonblocking?: boolean;
}

const SOCKETPAIR_OPTIONS: Required<SocketpairOptions> = { nonblocking: true };
const SOCKET_TYPES = { stream: SOCK_STREAM, datagram: SOCK_DGRAM } as const;
const SHUTDOWNS = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

/**
 * Makes two Unix sockets that are connected to each other. Both are close-on-exec.
 *
 * ```ts
 * import { close, recv, send, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair("datagram");
 * send(a, new TextEncoder().encode("hello"));
 * console.log(recv(b, new Uint8Array(64))); // 5
 * for (const fd of [a, b]) close(fd);
 * ```
 *
 * @param type "stream" unless given, or "datagram", which keeps messages apart.
 * @throws {SystemError} EMFILE or ENFILE, when out of descriptors.
 */
export function socketpair(
  type?: SocketType,
  options?: SocketpairOptions,
): [a: number, b: number] {
  const { nonblocking = false } = optionsOf(options, SOCKETPAIR_OPTIONS);
  checkBoolean("nonblocking", nonblocking);
  const number = socketType(type === undefined ? "stream" : type) |
    creationFlags(nonblocking);
  const pair = new Int32Array(new ArrayBuffer(8));
  complete(
    "socketpair",
    () => libc().symbols.socketpair(AF_UNIX, number, 0, pair),
  );
  const [a, b] = pair;
  if (IS_DARWIN) {
    for (const fd of pair) finishOnDarwin(fd, nonblocking);
  }
  return [a, b];
}

/**
 * Ends one direction of a socket's connection, or both: the other side reads the end.
 *
 * ```ts
 * import { close, recv, shutdown, socketpair } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = socketpair();
 * shutdown(a, "write");
 * console.log(recv(b, new Uint8Array(64))); // 0, the end
 * for (const fd of [a, b]) close(fd);
 * ```
 *
 * @param fd A connected socket.
 * @param how "read", "write" or "both".
 * @throws {SystemError} ENOTCONN, ENOTSOCK or EBADF.
 */
export function shutdown(
  fd: number | bigint,
  how: "read" | "write" | "both",
): void {
  const socket = fdOf("fd", fd);
  const number = oneOf("how", how, SHUTDOWNS);
  complete("shutdown", () => libc().symbols.shutdown(socket, number));
}

/**
 * The address that a TCP or UDP socket has on this side.
 *
 * ```ts
 * import { close, connect, getsockname, listen } from "@kqueue/kqueue/posix";
 *
 * const listener = listen();
 * const client = connect(listener);
 * console.log(getsockname(client).port); // the port on this side
 * for (const fd of [client, listener.fd]) close(fd);
 * ```
 *
 * @throws {SystemError} EBADF or ENOTSOCK; EAFNOSUPPORT for a socket of another family, such as one of a socketpair.
 */
export function getsockname(fd: number | bigint): InetAddress {
  const socket = fdOf("fd", fd);
  const sockaddr = emptySockaddr();
  const size = Uint32Array.of(sockaddr.length);
  complete(
    "getsockname",
    () => libc().symbols.getsockname(socket, sockaddr, size),
  );
  const address = unpackSockaddr(sockaddr);
  if (address === undefined) {
    throw new SystemError("getsockname", constants.errno.EAFNOSUPPORT);
  }
  return address;
}

/** The number behind a socket type's name. */
export function socketType(type: SocketType): number {
  return oneOf("type", type, SOCKET_TYPES);
}

/** Makes a socket of an address's family, close-on-exec and in the mode asked for. */
export function openSocket(
  sockaddr: Uint8Array,
  type: number,
  nonblocking: boolean,
): number {
  const fd = complete(
    "socket",
    () =>
      libc().symbols.socket(
        familyOf(sockaddr),
        type | creationFlags(nonblocking),
        0,
      ),
  );
  if (IS_DARWIN) finishOnDarwin(fd, nonblocking);
  return fd;
}

/** What later calls do on macOS, flags to the call that makes a socket do on Linux. */
function creationFlags(nonblocking: boolean): number {
  return PLATFORM.SOCK_CLOEXEC | (nonblocking ? PLATFORM.SOCK_NONBLOCK : 0);
}

/** Gives a socket just made what {@linkcode creationFlags} ask for. */
export function finishOnDarwin(fd: number, nonblocking: boolean): void {
  closeOnExec(fd);
  limitSends(fd);
  // Not only where it is to be: an accepted socket has the mode of its listener there.
  setNewMode(fd, nonblocking);
}

/** Gives what `use` returns, and closes the descriptor where it throws. */
export function orClose<T>(fd: number, use: () => T): T {
  try {
    return use();
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
