/**
 * The engine's own constructors and functions, as they were when this was loaded. Whatever stands between a caller and
 * memory that C writes to is made and measured by these, so that nobody who replaces a global later gets hold of it.
 */

export const {
  ArrayBuffer,
  BigInt,
  BigUint64Array,
  Int16Array,
  Int32Array,
  Uint8Array,
} = globalThis;
export const { isInteger, isSafeInteger } = Number;
export const { asIntN } = globalThis.BigInt;
export const { floor } = Math;
// Tests replace these by a clock of their own, which a kernel does not go by.
export const { queueMicrotask } = globalThis;
/** performance.now(), in ms. */
export const now: () => number = performance.now.bind(performance);

/** A method as a function of its receiver and arguments. */
export function uncurried<R, A extends unknown[], T>(
  method: (this: R, ...args: A) => T,
): (receiver: R, ...args: A) => T {
  return Function.prototype.call.bind(method) as (receiver: R, ...args: A) => T;
}

/** The getter of a property as a function of its receiver; it throws for what is none. */
export function getterOf<R extends object, K extends keyof R>(
  prototype: R,
  key: K,
): (receiver: R) => R[K] {
  const getter = Object.getOwnPropertyDescriptor(prototype, key)?.get;
  if (getter === undefined) throw new TypeError(`no getter of ${String(key)}`);
  return uncurried<R, [], R[K]>(getter);
}

// TypeScript has called them `Uint8Array<ArrayBuffer>` and so on since 5.7, which Deno has since 2.2.

/** Bytes on an ArrayBuffer, not on memory that is shared. */
export type Bytes = ReturnType<typeof noBytes>;
/** 32-bit words on an ArrayBuffer, not on memory that is shared. */
export type Words = ReturnType<typeof noWords>;

function noBytes() {
  return new Uint8Array(new ArrayBuffer(0));
}

function noWords() {
  return new Int32Array(new ArrayBuffer(0));
}
