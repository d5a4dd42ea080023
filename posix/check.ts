/** What the arguments of the calls of this folder may be. */
import { BigInt, type Bytes, getterOf, uncurried } from "../intrinsics.ts";
import { checkInteger, wrongNumber } from "../kevent/check.ts";
import { shown } from "../options.ts";

const MAX_INT = 0x7fff_ffff;
/** More than one call moves at once: Linux stops there by itself, Darwin refuses 2^31 and more. */
const MAX_COUNT = 0x7fff_f000;

const MAX_COUNT_WORD = BigInt(MAX_COUNT);

const encoder = new TextEncoder();
/** As it was when this was loaded: a string without its NUL would have C read on. */
const encode = encoder.encode.bind(encoder);

/** `%TypedArray%.prototype`, from which every kind of view has its lengths. */
const TYPED_ARRAY: Uint8Array = Object.getPrototypeOf(Uint8Array.prototype);
/** "Uint8Array" for one of those and their subclasses, whatever their prototype says; undefined for what is no view. */
const tagOf = getterOf(TYPED_ARRAY, Symbol.toStringTag);
const byteLengthOf = getterOf(TYPED_ARRAY, "byteLength");
const byteOffsetOf = getterOf(TYPED_ARRAY, "byteOffset");
const bufferOf = getterOf(TYPED_ARRAY, "buffer");
/** Throws for a view that is out of its memory's bounds. */
const keysOf = uncurried(TYPED_ARRAY.keys);

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
  min: number = -MAX_INT - 1,
): void {
  checkInteger(name, value, min, MAX_INT);
}

/** Throws unless the value is a file's mode. */
export function checkMode(mode: number): void {
  checkInteger("mode", mode, 0, 0o7777);
}

/**
 * How many bytes of a buffer a call should move at most.
 *
 * It is the engine's own answer: a subclass or a property of the caller's could name a length that is not there, and C
 * believes what it is told.
 *
 * @throws {TypeError} for what is no Uint8Array, and for one that has lost its memory: its length of 0 would read as the
 * end.
 */
export function byteCount(name: string, bytes: Uint8Array): bigint {
  if (tagOf(bytes) !== "Uint8Array") {
    throw wrongType(name, bytes, "a Uint8Array");
  }
  const length = byteLengthOf(bytes);
  if (length === 0) checkInPlace(name, bytes);
  // Numbers as size_t take Deno's slow way into a call, 130 ns longer.
  // Said to be an int, it is converted in 5 ns rather than in 16.
  return length > MAX_COUNT ? MAX_COUNT_WORD : BigInt(length | 0);
}

/** Some of a view's bytes as a view of its own, whatever the view says of itself; up to its end unless told. */
export function partOf(
  bytes: Uint8Array,
  start: number,
  end: number = byteLengthOf(bytes),
): Uint8Array {
  return new Uint8Array(
    bufferOf(bytes),
    byteOffsetOf(bytes) + start,
    end - start,
  );
}

/** Throws for a view whose memory was transferred, or whose place in it was cut off. */
function checkInPlace(name: string, bytes: Uint8Array): void {
  try {
    keysOf(bytes);
  } catch {
    throw new TypeError(
      `${name} must be a Uint8Array with its memory, got one that is detached`,
    );
  }
}

/** A string as C has it: UTF-8, ended by a NUL. */
export function cString(name: string, text: string): Bytes {
  if (typeof text !== "string" || text.includes("\0")) {
    throw wrongType(name, text, "a string without NUL");
  }
  return encode(`${text}\0`);
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
  return new TypeError(`${name} must be ${wanted}, got ${shown(value)}`);
}
