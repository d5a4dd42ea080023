/** `struct sockaddr_in`, `struct sockaddr_in6` and `struct sockaddr_un` as bytes. */
import type { Bytes } from "../intrinsics.ts";
import { checkInteger } from "../kevent/check.ts";
import { cString, wrongType } from "./check.ts";
import { AF_INET, AF_UNIX, PLATFORM, type Platform } from "./platform.ts";

/** An address of the Internet's protocols, as a socket has it. */
export interface InetAddress {
  /** An IPv4 or IPv6 address, such as "127.0.0.1" or "::1". */
  address: string;
  /** The port, 0 to 65535. */
  port: number;
}

/** The address of a Unix socket, which is a name in the file system. */
export interface UnixAddress {
  /** A path, from the working directory if not absolute: 1 to 103 bytes of UTF-8 on macOS, to 107 on Linux. */
  path: string;
}

/** Either kind of address, as options have it. */
export interface SocketAddress {
  readonly path?: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
}

const LOOPBACK = "127.0.0.1";

/** sizeof(struct sockaddr_in) */
const INET_SIZE = 16;
/** sizeof(struct sockaddr_in6), the larger one. */
const INET6_SIZE = 28;
/** Where the fields are, in both systems: only the first two bytes differ. */
const PORT_OFFSET = 2;
const INET_ADDRESS_OFFSET = 4;
const INET6_ADDRESS_OFFSET = 8;
const PATH_OFFSET = 2;

const MAX_PORT = 65535;
const DECIMAL_OCTET = /^(0|[1-9]\d{0,2})$/;

/**
 * Packs the address that options have, and says it for messages.
 *
 * @param minPort The least port there may be; with 0, that is what there is unless given.
 * @throws {RangeError} for a port that is none, and for a path that is too long.
 * @throws {TypeError} for what is neither an IPv4 nor an IPv6 address or no path, and for a path beside one of the others.
 */
export function locate(
  { path, address, port }: SocketAddress,
  minPort: 0 | 1,
): { sockaddr: Bytes; text: string } {
  if (path === undefined) {
    if (port === undefined && minPort > 0) {
      throw wrongType("port", port, `an integer from 1 to ${MAX_PORT}`);
    }
    const inet = { address: address ?? LOOPBACK, port: port ?? 0 };
    return { sockaddr: packSockaddr(inet, minPort), text: formatInet(inet) };
  }
  if (address !== undefined || port !== undefined) {
    throw new TypeError("path must be given without address and port");
  }
  return { sockaddr: packPath(path), text: path };
}

/** Room for the address of any socket that this folder makes. */
export function emptySockaddr(): Bytes {
  return new Uint8Array(new ArrayBuffer(INET6_SIZE));
}

/** `AF_INET` or `AF_INET6`, or what else the kernel wrote there. */
export function familyOf(
  sockaddr: Uint8Array,
  platform: Platform = PLATFORM,
): number {
  // Linux's sa_family_t has 16 bits, Darwin's 8, after the length.
  return platform.sockaddrHasLength
    ? sockaddr[1]
    : sockaddr[0] | sockaddr[1] << 8;
}

/**
 * Packs an address.
 *
 * @throws {RangeError} for a port that is none.
 * @throws {TypeError} for an address that is neither IPv4 nor IPv6: names are not looked up.
 */
export function packSockaddr(
  { address, port }: InetAddress,
  minPort = 0,
  platform: Platform = PLATFORM,
): Bytes {
  checkInteger("port", port, minPort, MAX_PORT);
  const octets = parseInet(address);
  if (octets !== undefined) {
    const sockaddr = blank(INET_SIZE, AF_INET, port, platform);
    sockaddr.set(octets, INET_ADDRESS_OFFSET);
    return sockaddr;
  }
  const octets6 = parseInet6(address);
  if (octets6 !== undefined) {
    const sockaddr = blank(INET6_SIZE, platform.AF_INET6, port, platform);
    sockaddr.set(octets6, INET6_ADDRESS_OFFSET);
    return sockaddr;
  }
  throw wrongType(
    "address",
    address,
    "an IPv4 or IPv6 address (names are not looked up)",
  );
}

function blank(
  size: number,
  family: number,
  port: number,
  platform: Platform,
): Bytes {
  const sockaddr = new Uint8Array(size);
  sockaddr.set(platform.sockaddrHasLength ? [size, family] : [family]);
  sockaddr.set([port >> 8, port & 0xff], PORT_OFFSET);
  return sockaddr;
}

/**
 * Packs the address of a Unix socket.
 *
 * @throws {RangeError} for a path that is too long.
 * @throws {TypeError} for what is no path.
 */
export function packPath(
  path: string,
  platform: Platform = PLATFORM,
): Bytes {
  const name = cString("path", path);
  if (path === "") throw wrongType("path", path, "the path of a Unix socket");
  if (name.length > platform.sunPathSize) {
    throw new RangeError(
      `path must have at most ${platform.sunPathSize - 1} bytes, as a Unix ` +
        `socket's here, got ${name.length - 1}: ${JSON.stringify(path)}`,
    );
  }
  const sockaddr = new Uint8Array(PATH_OFFSET + name.length);
  sockaddr.set(
    platform.sockaddrHasLength ? [sockaddr.length, AF_UNIX] : [AF_UNIX],
  );
  sockaddr.set(name, PATH_OFFSET);
  return sockaddr;
}

/** An address and its port as one writes them together. */
export function formatInet({ address, port }: InetAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Unpacks an address; undefined where it is of another family. */
export function unpackSockaddr(
  sockaddr: Uint8Array,
  platform: Platform = PLATFORM,
): InetAddress | undefined {
  const port = sockaddr[PORT_OFFSET] << 8 | sockaddr[PORT_OFFSET + 1];
  switch (familyOf(sockaddr, platform)) {
    case AF_INET:
      return {
        address: sockaddr.subarray(INET_ADDRESS_OFFSET, 8).join("."),
        port,
      };
    case platform.AF_INET6:
      return {
        address: formatInet6(sockaddr.subarray(INET6_ADDRESS_OFFSET, 24)),
        port,
      };
    default:
      return undefined;
  }
}

function parseInet(address: string): number[] | undefined {
  const parts = String(address).split(".");
  const valid = parts.length === 4 &&
    parts.every((part) => DECIMAL_OCTET.test(part) && Number(part) <= 255);
  return valid ? parts.map(Number) : undefined;
}

/** The URL standard's parser knows every way to write an address, and gives back the one that RFC 5952 recommends. */
function parseInet6(address: string): number[] | undefined {
  if (!/^[\da-f:.]+$/i.test(address)) return undefined;
  const url = URL.parse(`http://[${address}]/`);
  if (url === null) return undefined;
  const [head, tail] = url.hostname.slice(1, -1).split("::").map(groups);
  const after = tail ?? [];
  const zeros = Array(8 - head.length - after.length).fill(0);
  return [...head, ...zeros, ...after].flatMap((group) => [
    group >> 8,
    group & 0xff,
  ]);
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}

function formatInet6(octets: Uint8Array): string {
  const text = Array.from(
    { length: 8 },
    (_, i) => (octets[2 * i] << 8 | octets[2 * i + 1]).toString(16),
  ).join(":");
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
