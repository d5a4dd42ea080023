/** What the module's own parts may do with a loop, beside what its users may. */
import type { KeventInit } from "../kevent/record.ts";
import type { Handler, Watcher } from "./watcher.ts";

/**
 * Adds a watch, and tells of its end: with a reason when the loop was closed or its queue failed.
 *
 * @param loop A `Loop`, which is not named here as it imports this file.
 * @throws What `Loop.on` throws.
 */
type AddWatcher = (
  loop: object,
  change: KeventInit,
  handler: Handler,
  ended: (reason: unknown) => void,
) => Watcher;

/** Of the class `Loop`, set when that is defined. */
export let addWatcher: AddWatcher;

/** Says how to add a watch to a loop. */
export function provideLoop(add: AddWatcher): void {
  addWatcher = add;
}
