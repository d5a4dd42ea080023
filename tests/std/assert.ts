/**
 * The part of `@std/assert` that the tests use, with its signatures and its
 * meaning, for machines that do not reach JSR.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert";
import { isDeepStrictEqual, stripVTControlCharacters } from "node:util";

/** A class of errors, as `instanceof` takes it. */
type ErrorType<E extends Error> = abstract new (...args: never[]) => E;

/** An array, a typed array or the like, but no string. */
type ArrayLikeArg<T> = ArrayLike<T> & object;

export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(
  expr: unknown,
  msg = "",
): asserts expr is false | 0 | 0n | "" | null | undefined {
  if (expr) throw new AssertionError(msg);
}

export function fail(msg?: string): never {
  failWith("Failed assertion", msg);
}

export function unreachable(reason?: string): never {
  failWith("Unreachable", reason);
}

export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  failWith(`Expected actual: "${actual}" to not be null or undefined`, msg);
}

/** Deep equality; unlike the real one, it tells 0 from -0. */
export function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  failWith("Values are not equal", msg, difference(actual, expected));
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  failWith(`Expected actual: ${show(actual)} not to equal`, msg);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  failWith(
    "Values are not strictly equal",
    msg,
    `${show(actual)} is not ${show(expected)}`,
  );
}

export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!Object.is(actual, expected)) return;
  failWith(`Expected ${show(actual)} to be something else`, msg);
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  failWith(`Expect ${show(actual)} > ${show(expected)}`, msg);
}

export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  failWith(`Expect ${show(actual)} >= ${show(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  failWith(`Expect ${show(actual)} < ${show(expected)}`, msg);
}

export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  failWith(`Expect ${show(actual)} <= ${show(expected)}`, msg);
}

export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const scale = Number.isFinite(expected) ? Math.abs(expected) : 1;
  const allowed = tolerance ?? 1e-7 * scale;
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  failWith(
    `Expected ${actual} to be within ${allowed} of ${expected}: it is ${delta} away`,
    msg,
  );
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  failWith(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  failWith(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) return;
  failWith(`Expected actual: "${actual}" to not match: "${expected}"`, msg);
}

export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  failWith(
    `Expected object to be an instance of "${expectedType.name}" but was ${
      show(actual)
    }`,
    msg,
  );
}

export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const members = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !members.some((member) => equal(member, wanted))
  );
  if (missing.length === 0) return;
  failWith(
    `Expected actual: ${show(members)} to include: ${show(missing)}`,
    msg,
  );
}

/** Objects match by the keys of `expected`, arrays by their first members. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (matches(actual, expected)) return;
  failWith("Object does not match", msg, difference(actual, expected));
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorType<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    return checkThrown(error, expected);
  }
  failWith("Expected function to throw", expected.msg);
}

export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorType<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    failWith("Function throws when expected to reject", expected.msg);
  }
  try {
    await promise;
  } catch (error) {
    return checkThrown(error, expected);
  }
  failWith("Expected function to reject", expected.msg);
}

export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorType<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    failWith(`Expected "error" to be an Error object`, msg, show(error));
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    failWith(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}"`,
      msg,
      error.message,
    );
  }
  if (msgMatches === undefined) return;
  const plain = stripVTControlCharacters(error.message);
  const found = typeof msgMatches === "string"
    ? plain.includes(stripVTControlCharacters(msgMatches))
    : msgMatches.test(plain);
  if (found) return;
  failWith(
    `Expected error message to match ${show(msgMatches)}, but got ${
      show(error.message)
    }`,
    msg,
  );
}

interface Expectation {
  ErrorClass: ErrorType<Error> | undefined;
  msgIncludes: string | undefined;
  msg: string | undefined;
}

function expectation(
  classOrMsg: ErrorType<Error> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): Expectation {
  return typeof classOrMsg === "string"
    ? { ErrorClass: undefined, msgIncludes: undefined, msg: classOrMsg }
    : { ErrorClass: classOrMsg, msgIncludes, msg };
}

function checkThrown(error: unknown, expected: Expectation): unknown {
  const { ErrorClass, msgIncludes, msg } = expected;
  if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, msg);
  return error;
}

function matches(actual: unknown, expected: unknown): boolean {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return expected.length <= actual.length &&
      expected.every((value, index) => matches(actual[index], value));
  }
  if (!isObject(actual) || !isPlain(expected)) return equal(actual, expected);
  return Reflect.ownKeys(expected).every((key) =>
    Object.hasOwn(actual, key) && matches(actual[key], expected[key])
  );
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

function isPlain(value: unknown): value is Record<PropertyKey, unknown> {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function difference(actual: unknown, expected: unknown): string {
  try {
    deepStrictEqual(actual, expected);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function show(value: unknown): string {
  return Deno.inspect(value, { depth: 4, strAbbreviateSize: Infinity });
}

function failWith(sentence: string, msg?: string, details?: string): never {
  const message = msg ? `${sentence}: ${msg}` : `${sentence}.`;
  throw new AssertionError(details ? `${message}\n\n${details}` : message);
}
