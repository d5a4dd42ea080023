/** What the tests of asynchronous waiting share. */
import { setImmediate } from "node:timers";
import { it as register } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_USER,
  type KeventInit,
  NOTE_TRIGGER,
} from "../../mod.ts";
import type { Loop } from "../../loop.ts";
import { PATIENCE } from "../semantics/calls.ts";

/** Lets Deno's event loop turn once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Lets time pass without blocking this thread: a wait that is pending gets to the other thread and falls asleep there. */
export function pause(milliseconds = 10): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Keeps this thread busy, so that the other one brings something back that this one has not seen yet. */
export function block(milliseconds = 5): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** What a promise resolves to or is rejected with; fails where that takes too long, so that the run does not hang. */
export async function soon<T>(
  promise: PromiseLike<T>,
  milliseconds = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`still pending after ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a promise is still pending after so many turns of the event loop. */
export async function isPending(
  promise: Promise<unknown>,
  turns = 3,
): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let i = 0; i < turns; i++) await turn();
  return !isSettled;
}

/** Gathers what handlers are called with. */
export class Inbox<T> {
  readonly items: T[] = [];
  #arrived: () => void = () => {};

  readonly put = (item: T): void => {
    this.items.push(item);
    this.#arrived();
  };

  /** Waits until there are so many, and gives all that there are. */
  async reach(count: number): Promise<T[]> {
    while (this.items.length < count) {
      await soon(
        new Promise<void>((resolve) => {
          this.#arrived = resolve;
        }),
      );
    }
    return this.items;
  }
}

/** A user event that is triggered as it is added. */
export function triggered(
  ident: number,
  udata: number | bigint = 0,
  flags: number = EV_ADD | EV_CLEAR,
): KeventInit {
  return { ident, filter: EVFILT_USER, flags, fflags: NOTE_TRIGGER, udata };
}

/** From here on are idents that no test uses for itself. */
let barrier = 0xba441e4;

/** Waits until a loop has delivered everything that was ready before. */
export async function delivered(loop: Loop): Promise<void> {
  // What is ready by now comes with the first event, or before; what was left over for want of room, before the last.
  for (let i = 0; i < 3; i++) await soon(loop.once(triggered(barrier++)));
}

/** Takes what goes to `reportError` while `body` runs. */
export async function reported(
  body: () => Promise<void>,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  const listen = (event: ErrorEvent): void => {
    event.preventDefault();
    errors.push(event.error);
  };
  globalThis.addEventListener("error", listen);
  try {
    await body();
  } finally {
    globalThis.removeEventListener("error", listen);
  }
  return errors;
}

/** How long a test may take before it fails, in ms: a wait that does not end would keep all others from running. */
const LIMIT = 60_000;

/** Registers a test, as that of `@std/testing/bdd` does. */
export function it(
  name: string,
  body: () => void | Promise<void>,
  limit: number = LIMIT,
): void {
  register(name, async () => {
    await soon(Promise.resolve(body()), limit);
  });
}

/** Registers a test, skipped where there is a reason to. */
export function itUnless(
  reason: string | undefined,
  name: string,
  body: () => void | Promise<void>,
  limit?: number,
): void {
  if (reason === undefined) it(name, body, limit);
  else register.skip(`${name} (${reason})`, body);
}

/** Why a test cannot run, where it lacks a permission. */
export function lacks(
  descriptor:
    | Deno.RunPermissionDescriptor
    | Deno.ReadPermissionDescriptor
    | Deno.WritePermissionDescriptor,
): string | undefined {
  const { state } = Deno.permissions.querySync(descriptor);
  return state === "granted" ? undefined : `needs --allow-${descriptor.name}`;
}
