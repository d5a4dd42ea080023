/**
 * The engine's own constructors and functions, as they were when this was loaded. Whatever stands between a caller and
 * memory that C writes to is made and measured by these, so that nobody who replaces a global later gets hold of it.
 */

const engine = globalThis;

export const ArrayBuffer: ArrayBufferConstructor = engine.ArrayBuffer;
export const Uint8Array: Uint8ArrayConstructor = engine.Uint8Array;
export const Int16Array: Int16ArrayConstructor = engine.Int16Array;
export const Int32Array: Int32ArrayConstructor = engine.Int32Array;
export const BigUint64Array: BigUint64ArrayConstructor = engine.BigUint64Array;
export const BigInt: BigIntConstructor = engine.BigInt;

export const asIntN: (bits: number, value: bigint) => bigint =
  engine.BigInt.asIntN;
export const isInteger: (value: unknown) => boolean = Number.isInteger;
export const isSafeInteger: (value: unknown) => boolean = Number.isSafeInteger;
export const floor: (value: number) => number = Math.floor;
// Tests replace these by a clock of their own, which a kernel does not go by.
export const queueMicrotask: (callback: () => void) => void =
  engine.queueMicrotask;
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

// TypeScript has called them `Uint8Array<ArrayBuffer>` and so on since 5.7, which Deno has since 2.2. A slice is such a one.

/** Bytes on an ArrayBuffer, not on memory that is shared. */
export type Bytes = ReturnType<Uint8Array["slice"]>;
/** 32-bit words on an ArrayBuffer, not on memory that is shared. */
export type Words = ReturnType<Int32Array["slice"]>;
