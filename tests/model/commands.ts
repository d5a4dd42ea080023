/** What a run does to the queue, to its channels and to the model of them. */
import type fc from "fast-check";
import { EV_ADD, EV_DELETE, type EVFILT_USER } from "../../mod.ts";
import type { End, Side } from "./channels.ts";
import type { Model } from "./model.ts";
import { changeText, endText } from "./texts.ts";
import type { System } from "./system.ts";
import type { Change } from "./watchers.ts";

/** The most bytes that writes leave in a channel: with so few there is always room. */
const MOST_UNREAD = 1024;

/** An end of one of the model's channels. */
export interface Place {
  readonly channel: number;
  readonly side: Side;
}

/** Whose watcher a change is for: an end's, or one of the caller's own events. */
export type Target = Place & { readonly filter: number } | {
  readonly filter: typeof EVFILT_USER;
  readonly ident: bigint;
};

abstract class Command implements fc.Command<Model, System> {
  run(model: Model, system: System): void {
    system.trace.push(this);
    this.perform(model, system);
    model.settle();
  }

  /** Whether it makes sense now. */
  abstract check(model: Readonly<Model>): boolean;
  /** For whoever reads a failure. */
  abstract toString(): string;
  protected abstract perform(model: Model, system: System): void;
}

/** Adds, modifies, deletes, enables, disables or triggers: one change, applied at once. */
export class Apply extends Command {
  constructor(
    readonly target: Target,
    readonly change: Omit<Change, "ident" | "filter">,
  ) {
    super();
  }

  /** The number of an end that is closed may by now be anything: there is no telling what would come of adding it. */
  check(model: Model): boolean {
    const { target, change: { flags } } = this;
    const adds = (flags & EV_ADD) !== 0 && (flags & EV_DELETE) === 0;
    return !adds || "ident" in target || endAt(model, target).isOpen;
  }

  protected perform(model: Model, system: System): void {
    const { target, change: fields } = this;
    const ident = "ident" in target
      ? target.ident
      : BigInt(endAt(model, target).fd);
    const change = { ident, filter: target.filter, ...fields };
    model.change(change, system.apply(change));
  }

  override toString(): string {
    return changeText(this.target, this.change);
  }
}

export class Write extends Command {
  constructor(readonly place: Place, readonly count: number) {
    super();
  }

  check(model: Model): boolean {
    const end = endAt(model, this.place);
    const { isOpen, unread, room } = end.peer;
    return end.canWrite && end.isOpen && isOpen && room === "yes" &&
      unread + this.count <= MOST_UNREAD;
  }

  protected perform(model: Model, system: System): void {
    const end = endAt(model, this.place);
    system.write(end, this.count);
    model.wrote(end, this.count, "yes");
  }

  override toString(): string {
    return `write ${this.count} bytes to ${endText(this.place)}`;
  }
}

/** Writes until there is no more room. */
export class Fill extends Command {
  constructor(readonly place: Place) {
    super();
  }

  /** A pipe that has been read from in part has less room than it tells on Linux, and a write would wait for ever. */
  check(model: Model): boolean {
    const end = endAt(model, this.place);
    const { isOpen, unread } = end.peer;
    return end.canWrite && end.isOpen && isOpen &&
      (end.channel.kind === "socketpair" || unread === 0);
  }

  protected perform(model: Model, system: System): void {
    const end = endAt(model, this.place);
    model.wrote(end, system.fill(end), "no");
  }

  override toString(): string {
    return `fill ${endText(this.place)}`;
  }
}

export class Read extends Command {
  /** @param count At most; Infinity for all there is. */
  constructor(readonly place: Place, readonly count: number) {
    super();
  }

  check(model: Model): boolean {
    const end = endAt(model, this.place);
    return end.isOpen && end.unread > 0;
  }

  protected perform(model: Model, system: System): void {
    const end = endAt(model, this.place);
    const count = Math.min(this.count, end.unread);
    system.read(end, count);
    model.read(end, count);
  }

  override toString(): string {
    const what = this.count === Infinity ? "all" : `${this.count} bytes`;
    return `read ${what} from ${endText(this.place)}`;
  }
}

export class Close extends Command {
  /** @param isBehind By close(2) itself, which the module does not hear of. */
  constructor(readonly place: Place, readonly isBehind: boolean) {
    super();
  }

  check(model: Model): boolean {
    return endAt(model, this.place).isOpen;
  }

  protected perform(model: Model, system: System): void {
    closeEnd(model, system, endAt(model, this.place), this.isBehind);
  }

  override toString(): string {
    return `close ${endText(this.place)}${behindText(this.isBehind)}`;
  }
}

/** Opens a channel anew, after what is left of the one before was closed: most often the numbers are the same. */
export class Reopen extends Command {
  constructor(readonly channel: number, readonly isBehind: boolean) {
    super();
  }

  check(): boolean {
    return true;
  }

  protected perform(model: Model, system: System): void {
    const { kind, ends } = model.channels[this.channel];
    for (const end of ends) {
      if (end.isOpen) closeEnd(model, system, end, this.isBehind);
    }
    model.channels[this.channel] = system.open(kind);
  }

  override toString(): string {
    return `reopen channel ${this.channel}${behindText(this.isBehind)}`;
  }
}

/** Puts a new channel in the place of one by dup2(2): an open number has another file from one moment to the next. */
export class Replace extends Command {
  constructor(readonly place: Place) {
    super();
  }

  check(model: Model): boolean {
    return endAt(model, this.place).isOpen;
  }

  protected perform(model: Model, system: System): void {
    const end = endAt(model, this.place);
    const channel = system.replace(end);
    model.closed(end);
    if (end.peer.isOpen) closeEnd(model, system, end.peer, false);
    model.channels[this.place.channel] = channel;
  }

  override toString(): string {
    return `dup2 a new channel over ${endText(this.place)}`;
  }
}

/** Takes events, with the same room several times in a row: all that is ready must have its turn (R18). */
export class Poll extends Command {
  constructor(readonly room: number, readonly times: number) {
    super();
  }

  check(): boolean {
    return true;
  }

  protected perform(model: Model, system: System): void {
    for (let i = 0; i < this.times; i++) {
      model.polled(system.poll(this.room), this.room);
    }
  }

  override toString(): string {
    const times = this.times === 1 ? "" : ` ${this.times} times`;
    return `poll${times} with room ${this.room}`;
  }
}

function endAt({ channels }: Model, { channel, side }: Place): End {
  return channels[channel].ends[side];
}

function closeEnd(
  model: Model,
  system: System,
  end: End,
  isBehind: boolean,
): void {
  system.close(end, isBehind);
  model.closed(end);
}

function behindText(isBehind: boolean): string {
  return isBehind ? " behind the module's back" : "";
}
