/** `struct sockaddr_in` and `struct sockaddr_in6` as bytes. */
import { checkInteger } from "../kevent/check.ts";
import { wrongType } from "./check.ts";
import { AF_INET, PLATFORM, type Platform } from "./platform.ts";

/** An address of the Internet's protocols, as a socket has it. */
export interface InetAddress {
  /** An IPv4 or IPv6 address, such as "127.0.0.1" or "::1". */
  address: string;
  /** The port, 0 to 65535. */
  port: number;
}

/** sizeof(struct sockaddr_in) */
const INET_SIZE = 16;
/** sizeof(struct sockaddr_in6), the larger one. */
const INET6_SIZE = 28;
/** Where the fields are, in both systems: only the first two bytes differ. */
const PORT_OFFSET = 2;
const INET_ADDRESS_OFFSET = 4;
const INET6_ADDRESS_OFFSET = 8;

const MAX_PORT = 65535;
const DECIMAL_OCTET = /^(0|[1-9]\d{0,2})$/;

/** Room for the address of any socket that this folder makes. */
export function emptySockaddr(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(INET6_SIZE);
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
): Uint8Array<ArrayBuffer> {
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
  throw wrongType("address", address, "an IPv4 or IPv6 address");
}

function blank(
  size: number,
  family: number,
  port: number,
  platform: Platform,
): Uint8Array<ArrayBuffer> {
  const sockaddr = new Uint8Array(size);
  sockaddr.set(platform.sockaddrHasLength ? [size, family] : [family]);
  sockaddr.set([port >> 8, port & 0xff], PORT_OFFSET);
  return sockaddr;
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
