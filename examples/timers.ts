/**
 * Timers on one queue: repeating ones and single ones, in milliseconds, microseconds and seconds, and for a time of day.
 *
 * ```sh
 * deno run --allow-ffi examples/timers.ts
 * ```
 *
 * It takes two seconds, and prints when each timer fired and how many of its periods had ended. For a while in between it
 * does not look at the queue: of what ended meanwhile nothing is lost, but each timer reports it in one event.
 *
 * @module
 */
import {
  EV_ADD,
  EV_ONESHOT,
  kevTimer,
  Kqueue,
  NOTE_ABSOLUTE,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from "../mod.ts";

const once = EV_ADD | EV_ONESHOT;
const BUSY = 4;
const END = 5;

const timers = [
  { name: "every 250 ms", change: kevTimer(0, 250) },
  {
    name: "every 333,333 µs",
    change: kevTimer(1, 333_333, { fflags: NOTE_USECONDS }),
  },
  {
    name: "once, after 1,500 µs",
    change: kevTimer(2, 1500, { flags: once, fflags: NOTE_USECONDS }),
  },
  {
    name: "once, 1.9 s from now by the clock",
    // Such a timer fires once by itself. Its data is a time since 1970.
    change: kevTimer(3, Date.now() + 1900, { fflags: NOTE_ABSOLUTE }),
  },
  {
    name: "once, after 1 s: not looking for 600 ms",
    change: kevTimer(BUSY, 1, { flags: once, fflags: NOTE_SECONDS }),
  },
  {
    name: "once, after 2,050 ms: the end",
    change: kevTimer(END, 2050, { flags: once }),
  },
];

using kq = new Kqueue();
const start = performance.now();
kq.apply(timers.map(({ change }, index) => ({ ...change, udata: index })));

for (let running = true; running;) {
  for (const { udata, data } of kq.wait()) {
    const index = Number(udata);
    const elapsed = (performance.now() - start).toFixed(1).padStart(7);
    console.log(
      `${elapsed} ms  ${timers[index].name.padEnd(40)} periods: ${data}`,
    );
    if (index === BUSY) sleep(600);
    if (index === END) running = false;
  }
}

/** Blocks this thread. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
