/**
 * What a queue must do, by the rules that the test names: a table of watchers, over channels and over events of the
 * caller's own. Where a rule leaves something open, so does the model, and nowhere else.
 */
import { assert } from "@std/assert";
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
} from "../../mod.ts";
import type { Channel, End } from "./channels.ts";
import {
  type Change,
  ReadWatcher,
  UserWatcher,
  type Watcher,
  WriteWatcher,
} from "./watchers.ts";

export class Model {
  readonly #watchers = new Map<string, Watcher>();

  /** @param channels Those that the commands use; what replaces a closed one takes its place. */
  constructor(readonly channels: Channel[]) {}

  /** A change was applied: `code` is "" or the name of the errno. */
  change(change: Change, code: string): void {
    const key = keyOf(change);
    const watcher = this.#watchers.get(key);
    const deletes = (change.flags & EV_DELETE) !== 0;
    const adds = (change.flags & EV_ADD) !== 0 && !deletes; // R3
    if (watcher === undefined) {
      if (!adds) return assertCode(code, "ENOENT", `R4 ${key} is not there`);
      const end = this.#endOf(change);
      assertCode(code, "", `${key} is new`);
      this.#watchers.set(key, newWatcher(end, change));
      return;
    }
    assertCode(code, "", `R1 ${key} is there`);
    if (deletes) this.#watchers.delete(key);
    else watcher.touch(change);
  }

  /** So many bytes were written to an end; whether there is room for more. */
  wrote(end: End, count: number, room: "yes" | "no"): void {
    end.peer.unread += count;
    end.peer.room = room;
    if (count === 0) return; // it was full before
    this.#news(end.peer, EVFILT_READ, "yes");
    // R13 does not say what a change of state is. Darwin's pipes look at the watchers of both ends after each write and
    // each read (pipeselwakeup): what is left, room or bytes, is news there. On Linux it is not.
    if (end.channel.kind === "pipe") this.#news(end, EVFILT_WRITE, "maybe");
  }

  /** So many bytes were read from an end. */
  read(end: End, count: number): void {
    const before = end.room;
    end.unread -= count;
    if (end.unread === 0) end.room = "yes";
    // R33, R36: how much must be read of a full channel before there is room is the kernel's own affair.
    else if (before === "no") end.room = "maybe";
    const makesRoom = before !== "yes" && end.room === "yes";
    // R13: room is news where there was none. Where there was some, kernels differ on whether more is a change.
    this.#news(end.peer, EVFILT_WRITE, makesRoom ? "yes" : "maybe");
    if (end.channel.kind === "pipe") this.#news(end, EVFILT_READ, "maybe");
  }

  /** R9: an end was closed, and its watchers with it. R36, R32: the other end is told. */
  closed(end: End): void {
    end.isOpen = false;
    end.wasReset = end.unread > 0 && end.channel.kind === "socketpair";
    for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
      this.#watchers.delete(keyOf({ ident: BigInt(end.fd), filter }));
      this.#news(end.peer, filter, "yes");
    }
  }

  /** A call with room for so many returned these events. */
  polled(events: Kevent[], room: number): void {
    const ready = this.#ready();
    const reported = new Set<Watcher>();
    for (const event of events) {
      const key = keyOf(event);
      const watcher = this.#watchers.get(key);
      assert(watcher !== undefined, `no such watcher: ${key}`);
      assert(watcher.isReady !== "no", `${key} must not be reported`);
      assert(!reported.has(watcher), `${key} is reported twice`);
      reported.add(watcher);
      watcher.report(event);
      if (watcher.isOneShot) this.#watchers.delete(key); // R12
    }
    this.#checkRoom(ready, reported, room);
  }

  /** After each command: a watcher that has ceased to be ready has no place to keep. */
  settle(): void {
    for (const watcher of this.#watchers.values()) {
      if (watcher.isReady !== "yes") watcher.passedBy.clear();
    }
  }

  /** R18: the list is as full as it can be, and nobody is reported twice while another waits. */
  #checkRoom(
    ready: Map<string, Watcher>,
    reported: Set<Watcher>,
    room: number,
  ): void {
    const least = Math.min(room, ready.size);
    const waiting = [...ready].filter(([, watcher]) => !reported.has(watcher));
    const names = waiting.map(([key]) => key).join(", ");
    assert(reported.size <= room, `${reported.size} events for room ${room}`);
    assert(
      reported.size >= least,
      `${reported.size} events for room ${room}, though ${names} must be reported`,
    );
    for (const [key, watcher] of waiting) {
      for (const other of reported) {
        assert(
          !watcher.passedBy.has(other),
          `R18 ${key} waits while another is reported twice`,
        );
        watcher.passedBy.add(other);
      }
    }
  }

  /** The watchers that must be reported, were there room for all. */
  #ready(): Map<string, Watcher> {
    return new Map(
      [...this.#watchers].filter(([, watcher]) => watcher.isReady === "yes"),
    );
  }

  #news(end: End, filter: number, isChange: "yes" | "maybe"): void {
    const key = keyOf({ ident: BigInt(end.fd), filter });
    const watcher = this.#watchers.get(key);
    if (watcher instanceof ReadWatcher || watcher instanceof WriteWatcher) {
      if (watcher.end === end) watcher.happened(isChange);
    }
  }

  #endOf({ ident, filter }: Change): End | undefined {
    if (filter === EVFILT_USER) return undefined;
    const ends = this.channels.flatMap((channel) => channel.ends);
    return ends.find((end) => end.isOpen && BigInt(end.fd) === ident);
  }
}

function assertCode(actual: string, expected: string, why: string): void {
  assert(
    actual === expected,
    `${why}: the change gives ${actual || 0}, not ${expected || 0}`,
  );
}

function newWatcher(end: End | undefined, change: Change): Watcher {
  if (end === undefined) return new UserWatcher(change);
  return change.filter === EVFILT_READ
    ? new ReadWatcher(end, change)
    : new WriteWatcher(end, change);
}

const FILTERS: Record<number, string> = {
  [EVFILT_READ]: "READ",
  [EVFILT_WRITE]: "WRITE",
  [EVFILT_USER]: "USER",
};

/** R1: what a watcher is known by. */
function keyOf({ ident, filter }: Pick<Kevent, "ident" | "filter">): string {
  return `${FILTERS[filter]} of ${ident}`;
}
