/** What the arguments of the calls of this folder may be. */
import { checkInteger, wrongNumber } from "../kevent/check.ts";

const MAX_INT = 0x7fff_ffff;
/** More than one call moves at once: Linux stops there by itself, Darwin refuses 2^31 and more. */
const MAX_COUNT = 0x7fff_f000;

const encoder = new TextEncoder();

/**
 * A descriptor as C takes it. Events have it as a bigint.
 *
 * @throws {RangeError} for a number that no descriptor can have.
 */
export function fdOf(name: string, fd: number | bigint): number {
  // The operator makes -0, which C's int has none of, to 0.
  if (typeof fd === "number" && (fd | 0) === fd && fd >= 0) return fd | 0;
  if (typeof fd === "bigint" && fd >= 0n && fd <= MAX_INT) return Number(fd);
  throw wrongNumber(name, fd, `an integer from 0 to ${MAX_INT}`);
}

/**
 * A process's number as C takes it, a group's among them. Events have it as a bigint.
 *
 * @throws {RangeError} for a number that an `int` cannot hold.
 */
export function pidOf(name: string, pid: number | bigint): number {
  const number = typeof pid === "bigint" ? Number(pid) : pid;
  checkInt(name, number);
  return number | 0;
}

/** Throws unless an `int` can hold the value. */
export function checkInt(
  name: string,
  value: number,
  min = -MAX_INT - 1,
): void {
  checkInteger(name, value, min, MAX_INT);
}

/** Throws unless the value is a file's mode. */
export function checkMode(mode: number): void {
  checkInteger("mode", mode, 0, 0o7777);
}

/** How many bytes of a buffer a call should move at most. */
export function byteCount(name: string, bytes: Uint8Array): bigint {
  if (!(bytes instanceof Uint8Array)) {
    throw wrongType(name, bytes, "a Uint8Array");
  }
  // Numbers as size_t take Deno's slow way into a call, 130 ns longer.
  return BigInt(Math.min(bytes.byteLength, MAX_COUNT));
}

/** A string as C has it: UTF-8, ended by a NUL. */
export function cString(name: string, text: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || text.includes("\0")) {
    throw wrongType(name, text, "a string without NUL");
  }
  return encoder.encode(`${text}\0`);
}

/** The number behind a name, one of several that may be given. */
export function oneOf<T extends Record<string, number>>(
  name: string,
  value: keyof T & string,
  choices: T,
): number {
  if (!Object.hasOwn(choices, value)) {
    const wanted = Object.keys(choices).map((choice) => `"${choice}"`);
    throw wrongType(name, value, wanted.join(" or "));
  }
  return choices[value];
}

/** The error for a value that is no number, nor should be one. */
export function wrongType(
  name: string,
  value: unknown,
  wanted: string,
): TypeError {
  return new TypeError(wrongNumber(name, value, wanted).message);
}
