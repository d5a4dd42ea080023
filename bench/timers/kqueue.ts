/** The timers in one `Kqueue`: `deno run --allow-ffi bench/timers/kqueue.ts single|batch set|fire|cancel`. */
import {
  EV_ADD,
  EV_DELETE,
  EV_ONESHOT,
  EVFILT_TIMER,
  type KeventInit,
  kevTimer,
  Kqueue,
} from "../../mod.ts";
import { cpuTime } from "../frame/in_turn.ts";
import { answer, nextCount } from "../frame/peer.ts";
import { DUE, FAR } from "./delays.mjs";

const [mode, measured] = Deno.args;
const kq = new Kqueue({ capacity: 1024 });

/** The timers of a turn: in a minute and more, or within some ms. */
function timersOf(count: number): KeventInit[] {
  const delayOf = measured === "fire" ? DUE : FAR;
  return Array.from(
    { length: count },
    (_, ident) =>
      kevTimer(ident, delayOf(ident), { flags: EV_ADD | EV_ONESHOT }),
  );
}

function apply(changes: readonly KeventInit[]): void {
  if (mode === "batch") kq.apply(changes);
  else for (const change of changes) kq.apply(change);
}

function cancel(count: number): void {
  apply(Array.from(
    { length: count },
    (_, ident) => ({ ident, filter: EVFILT_TIMER, flags: EV_DELETE }),
  ));
}

function fire(count: number): void {
  for (let left = count; left > 0;) left -= kq.wait().length;
}

/** CPU time of a piece of work, in ns. */
function timeOf(work: () => void): number {
  const start = cpuTime();
  work();
  return cpuTime() - start;
}

for (let count = nextCount(); count > 0; count = nextCount()) {
  const set = timeOf(() => apply(timersOf(count)));
  if (measured === "fire") {
    answer(timeOf(() => fire(count)));
  } else {
    const cancelled = timeOf(() => cancel(count));
    answer(measured === "set" ? set : cancelled);
  }
}
