/** Abort signals, asked by the engine's own methods: what a caller puts in their place is not called in the midst of a wait. */
import { getterOf, uncurried } from "../intrinsics.ts";
import { shown } from "../options.ts";

const isAborted = getterOf(AbortSignal.prototype, "aborted");
const reasonOf = getterOf(AbortSignal.prototype, "reason");
const addEventListener = uncurried(EventTarget.prototype.addEventListener);
const removeEventListener = uncurried(
  EventTarget.prototype.removeEventListener,
);

/**
 * Throws the signal's reason where it is aborted already.
 *
 * @throws {TypeError} for what is no signal.
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  const failure = failureOf(signal);
  if (failure !== undefined) throw failure.reason;
}

/**
 * The reason of a signal that is aborted already; undefined for one that is not.
 *
 * @throws {TypeError} for what is no signal.
 */
export function failureOf(
  signal: AbortSignal | undefined,
): { reason: unknown } | undefined {
  if (signal === undefined) return undefined;
  checkSignal(signal);
  return isAborted(signal) ? { reason: reasonOf(signal) } : undefined;
}

function checkSignal(signal: AbortSignal): void {
  try {
    isAborted(signal);
  } catch {
    throw new TypeError(
      `signal must be an AbortSignal, got ${shown(signal)}`,
    );
  }
}

/**
 * Calls `listener` with the reason once the signal is aborted, which it must not be yet.
 *
 * @returns What undoes it.
 */
export function onAbort(
  signal: AbortSignal | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => {};
  const abort = (): void => listener(reasonOf(signal));
  addEventListener(signal, "abort", abort, { once: true });
  return () => removeEventListener(signal, "abort", abort);
}
