/** What a queue is to its filters, and to other queues. */
import type { Knote } from "./knote.ts";
import type { Inotify } from "./system/inotify.ts";
import type { SourceRegistry } from "./system/sources.ts";

/** The queue that a filter's watchers are in. */
export interface Host extends SourceRegistry {
  /** Its epoll descriptor. */
  readonly fd: number;
  /** Counts the calls to epoll_wait: what was read in the current turn is fresh. */
  readonly turn: number;
  /** Tells of changes to files. */
  readonly inotify: Inotify;
  /** The queues of this isolate by their descriptors, this one among them. */
  readonly siblings: ReadonlyMap<number, Sibling>;
  /** Puts a watcher into the ready list, unless it is in it. */
  ready(knote: Knote): void;
  /** Takes a watcher out of the ready list, if it is in it. */
  unready(knote: Knote): void;
  /** A watcher that its filter has given up. */
  forget(knote: Knote): void;
  /** Tells those who look at the queue's descriptor what came into the ready list, or left it, outside of a call. */
  wake(): void;
}

/** A queue as others see it that watch its descriptor (R22). */
export interface Sibling {
  /** How many watchers have something to report, as far as one look shows. Nothing is reported by it. */
  countReady(): number;
  /** Whether a descriptor is this queue's, or a duplicate of it: its number may name something else by now. */
  isNamedBy(fd: number): boolean;
  /** A queue has a new epoll set under its number: what watches that number here is registered again. */
  restore(fd: number): void;
}
