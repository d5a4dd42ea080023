/** EVFILT_USER (R60 to R62). */
import {
  EV_CLEAR,
  EVFILT_USER,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_TRIGGER,
} from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { type Filter, type Knote, report } from "../knote.ts";

export class UserFilter implements Filter {
  readonly number: number = EVFILT_USER;
  readonly #host: Host;
  readonly #knotes = new Map<number | bigint, Knote>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#knotes.get(ident);
  }

  attach(knote: Knote, change: Change): number {
    knote.fflags = change.fflags;
    this.#knotes.set(knote.ident, knote);
    this.#trigger(knote, change);
    return 0;
  }

  touch(knote: Knote, change: Change): number {
    const fflags = combine(knote.fflags, change.fflags);
    knote.take(change);
    knote.fflags = fflags;
    knote.enabledBy(change);
    this.#trigger(knote, change);
    return 0;
  }

  detach(knote: Knote): number {
    this.#knotes.delete(knote.ident);
    return 0;
  }

  examine(knote: Knote): boolean {
    report.flags = 0;
    report.fflags = knote.fflags;
    report.dataLow = knote.dataLow;
    report.dataHigh = knote.dataHigh;
    if ((knote.flags & EV_CLEAR) !== 0) knote.active = false;
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(knote: Knote): boolean {
    return knote.active;
  }

  rest(): void {}

  retire(knote: Knote): void {
    this.#knotes.delete(knote.ident);
  }

  closed(): void {}

  dispose(): void {}

  #trigger(knote: Knote, change: Change): void {
    if ((change.fflags & NOTE_TRIGGER) !== 0) knote.active = true;
    if (!knote.enabled) this.#host.unready(knote);
    else if (knote.active) this.#host.ready(knote);
  }
}

/** R61: the top two bits of a change's fflags say how its lower 24 join those of the watcher. */
function combine(own: number, given: number): number {
  const bits = given & NOTE_FFLAGSMASK;
  switch ((given & NOTE_FFCTRLMASK) >>> 0) {
    case NOTE_FFAND:
      return own & bits;
    case NOTE_FFOR:
      return own | bits;
    case NOTE_FFCOPY:
      return bits;
    default:
      return own;
  }
}
