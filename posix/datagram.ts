/** Sockets of UDP, each datagram with an address of its own. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import type { Bytes } from "../intrinsics.ts";
import { optionsOf } from "../options.ts";
import {
  emptySockaddr,
  type InetAddress,
  locate,
  packSockaddr,
  unpackSockaddr,
} from "./address.ts";
import { byteCount, checkBoolean, fdOf, wrongType } from "./check.ts";
import { complete, libc, wouldBlock } from "./libc.ts";
import { SOCK_DGRAM } from "./platform.ts";
import { getsockname, openSocket, orClose } from "./socket.ts";
import { RECEIVE, SEND } from "./transfer.ts";

/** Where {@linkcode bind} makes a socket. */
export interface BindOptions {
  /** An IPv4 or IPv6 address of this machine: "127.0.0.1" unless given; "0.0.0.0" or "::" for all there are. */
  readonly address?: string;
  /** The port, 0 to 65535; 0, as unless given, is any that is free. */
  readonly port?: number;
  /** Whether the socket is in non-blocking mode; it is not unless given. */
  readonly nonblocking?: boolean;
}

/** A UDP socket, and its address. */
export interface BoundSocket extends InetAddress {
  /** The socket's descriptor. */
  fd: number;
}

/** What {@linkcode recvFrom} has put into the buffer, and the address that it came from. */
export interface ReceivedDatagram extends InetAddress {
  /** How many bytes it is. */
  count: number;
}

const BIND_OPTIONS: Required<BindOptions> = {
  port: 8080,
  address: "127.0.0.1",
  nonblocking: true,
};

/** Where the kernel writes the sender of the datagram that it gives. */
const sender = emptySockaddr();
const senderSize = new Uint32Array(new ArrayBuffer(4));

/** The address last sent to, for a datagram is rarely the only one for it. */
let packed = { address: "", port: -1, sockaddr: sender };

/**
 * Makes a UDP socket with an address, to receive at and to send from. It is close-on-exec.
 *
 * ```ts
 * import { kevRead, Kqueue } from "@kqueue/kqueue";
 * import { bind, close, recvFrom, sendTo } from "@kqueue/kqueue/posix";
 *
 * const server = bind();
 * const client = bind();
 * sendTo(client.fd, new TextEncoder().encode("hello"), server);
 *
 * using kq = new Kqueue();
 * kq.apply(kevRead(server.fd));
 * kq.wait(1000);
 * const buffer = new Uint8Array(1500);
 * const received = recvFrom(server.fd, buffer);
 * if (received !== null) {
 *   console.log(received.count, received.port === client.port); // 5 true
 *   sendTo(server.fd, buffer.subarray(0, received.count), received); // back to where it came from
 * }
 * for (const { fd } of [client, server]) close(fd);
 * ```
 *
 * For one that sends to a single address and receives from nowhere else, see {@linkcode connect} with type "datagram".
 *
 * @returns The descriptor and its address, with the port that was found for port 0.
 * @throws {RangeError} for a port that is none.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 * @throws {SystemError} EADDRINUSE, EADDRNOTAVAIL or EACCES, among others.
 */
export function bind(options?: BindOptions): BoundSocket {
  const { address, port, nonblocking = false } = optionsOf(
    options,
    BIND_OPTIONS,
  );
  checkBoolean("nonblocking", nonblocking);
  const { sockaddr, text } = locate({ address, port }, 0);
  const fd = openSocket(sockaddr, SOCK_DGRAM, nonblocking);
  return orClose(fd, () => {
    complete(
      "bind",
      () => libc().symbols.bind(fd, sockaddr, sockaddr.length),
      text,
    );
    return { fd, ...getsockname(fd) };
  });
}

/**
 * Sends a datagram to an address, without ever waiting.
 *
 * ```ts
 * import { bind, close, sendTo } from "@kqueue/kqueue/posix";
 *
 * const { fd } = bind({ address: "0.0.0.0" });
 * sendTo(fd, new TextEncoder().encode("hello"), { address: "127.0.0.1", port: 9 });
 * close(fd);
 * ```
 *
 * @param fd A UDP socket.
 * @param bytes The datagram.
 * @param to Where to; what {@linkcode recvFrom} or {@linkcode bind} gave is one.
 * @returns The count, which is all of it; null where there is no room.
 * @throws {RangeError} for a port that is none: 1 to 65535.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 * @throws {SystemError} EMSGSIZE for a datagram that is too long; EISCONN on macOS for a socket that is connected;
 * EHOSTUNREACH, EACCES, ENOTSOCK or EBADF, among others.
 */
export function sendTo(
  fd: number | bigint,
  bytes: Uint8Array,
  to: InetAddress,
): number | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("bytes", bytes);
  const sockaddr = packedAddress(to);
  const { symbols } = libc();
  for (;;) {
    const count = symbols.sendto(
      descriptor,
      bytes,
      length,
      SEND,
      sockaddr,
      sockaddr.length,
    );
    if (count !== -1) return count;
    if (wouldBlock("sendto", descriptor)) return null;
  }
}

/**
 * Receives a datagram and the address of its sender, without ever waiting.
 *
 * ```ts
 * import { kevRead, Kqueue } from "@kqueue/kqueue";
 * import { bind, close, recvFrom, sendTo } from "@kqueue/kqueue/posix";
 *
 * const [a, b] = [bind(), bind()];
 * sendTo(a.fd, new TextEncoder().encode("hello"), b);
 * using kq = new Kqueue();
 * kq.apply(kevRead(b.fd));
 * kq.wait(); // also within one machine a datagram takes a moment
 * console.log(recvFrom(b.fd, new Uint8Array(1500))); // { count: 5, address: "127.0.0.1", port: … }
 * for (const { fd } of [a, b]) close(fd);
 * ```
 *
 * @param fd A UDP socket.
 * @param buffer Where the bytes go. What does not fit is lost.
 * @returns How many bytes, 0 for an empty datagram, and where they came from; null where there is none yet.
 * @throws {SystemError} ECONNREFUSED where the socket is connected and nobody receives there; ENOTSOCK or EBADF;
 * EAFNOSUPPORT for what came from no address of the Internet's: take that by {@linkcode recv}.
 */
export function recvFrom(
  fd: number | bigint,
  buffer: Uint8Array,
): ReceivedDatagram | null {
  const descriptor = fdOf("fd", fd);
  const length = byteCount("buffer", buffer);
  const { symbols } = libc();
  for (;;) {
    senderSize[0] = sender.length;
    const count = symbols.recvfrom(
      descriptor,
      buffer,
      length,
      RECEIVE,
      sender,
      senderSize,
    );
    if (count !== -1) return receivedFrom(count);
    if (wouldBlock("recvfrom", descriptor)) return null;
  }
}

function receivedFrom(count: number): ReceivedDatagram {
  const address = senderSize[0] === 0 ? undefined : unpackSockaddr(sender);
  if (address === undefined) {
    throw new SystemError("recvfrom", constants.errno.EAFNOSUPPORT);
  }
  return { count, ...address };
}

function packedAddress(to: InetAddress): Bytes {
  if (typeof to !== "object" || to === null) {
    const wanted = 'an object such as { address: "127.0.0.1", port: 8080 }';
    throw wrongType("to", to, wanted);
  }
  const { address, port } = to;
  if (address !== packed.address || port !== packed.port) {
    packed = { address, port, sockaddr: packSockaddr({ address, port }, 1) };
  }
  return packed.sockaddr;
}
