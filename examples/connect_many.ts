/**
 * A thousand TCP connects at once, on one queue: who answers, who refuses, and who says nothing.
 *
 * ```sh
 * deno run --allow-ffi examples/connect_many.ts
 * deno run --allow-ffi examples/connect_many.ts --seconds 2 192.168.1.1-254 22 80 443
 * ```
 *
 * The second command tries each port at each of the addresses. Without any, a thousand connects go to this machine: to
 * ports where the example itself listens, and every third one to a port where nobody does.
 *
 * None of the connects is waited for. EVFILT_WRITE tells when one is done, by EV_EOF that it was refused, and by fflags
 * why. All begin at once, or as many as there are descriptors for: the next ones begin as others end.
 *
 * @module
 */
import { EV_EOF, EVFILT_TIMER, kevTimer, kevWrite, Kqueue } from "../mod.ts";
import { close, connect, listen, SystemError } from "../posix.ts";
import { parseArgs } from "node:util";

const COUNT = 1000;
/** As many as it takes, for none of them accepts: on macOS each lets no more than 192 connections wait for that. */
const LISTENERS = 10;
const DEADLINE = 1;
/** Too few descriptors, in this process or in the system: they come back as connects end. */
const SHORTAGE = ["EMFILE", "ENFILE"];

/** Where to connect to. */
interface Target {
  readonly address: string;
  readonly port: number;
}

/** What became of a connect: "connected", or the name of its error. */
type Outcome = string;

/** Connects to all targets at once, and gives up those that are not done after so many milliseconds. */
export function connectMany(
  targets: readonly Target[],
  timeoutMs: number,
): Map<Target, Outcome> {
  const outcomes = new Map<Target, Outcome>();
  const waiting = [...targets].reverse();
  const pending = new Map<number, Target>();
  using kq = new Kqueue({ capacity: 1024 });
  kq.apply(kevTimer(DEADLINE, timeoutMs));

  for (let inTime = true; inTime && waiting.length + pending.size > 0;) {
    begin(kq, waiting, pending, outcomes);
    for (const { filter, ident, flags, fflags } of kq.wait()) {
      const fd = Number(ident);
      const target = pending.get(fd);
      if (filter === EVFILT_TIMER) {
        inTime = false;
      } else if (target !== undefined) {
        const refused = (flags & EV_EOF) !== 0 && fflags !== 0;
        outcomes.set(target, refused ? codeOf(fflags) : "connected");
        pending.delete(fd);
        close(fd); // and so it is watched no more
      }
    }
  }

  for (const [fd, target] of pending) {
    outcomes.set(target, "no answer");
    close(fd);
  }
  for (const target of waiting) outcomes.set(target, "not begun");
  return outcomes;
}

/** Begins to connect to those that wait, the last first, as long as there are descriptors. */
function begin(
  kq: Kqueue,
  waiting: Target[],
  pending: Map<number, Target>,
  outcomes: Map<Target, Outcome>,
): void {
  for (let target; (target = waiting.at(-1)) !== undefined; waiting.pop()) {
    let fd: number;
    try {
      fd = connect({ ...target, wait: false });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (SHORTAGE.includes(error.code) && pending.size > 0) return;
      // Known at once, such as ENETUNREACH.
      outcomes.set(target, error.code);
      continue;
    }
    pending.set(fd, target);
    kq.apply(kevWrite(fd));
  }
}

function codeOf(errno: number): string {
  return new SystemError("connect", errno).code;
}

/** The last number of an IPv4 address may be a range: "192.168.1.1-254". */
function addressesOf(text: string): string[] {
  const range = /^(.+\.)(\d+)-(\d+)$/.exec(text);
  if (range === null) return [text];
  const [, net, first, last] = range;
  const count = Math.max(0, Number(last) - Number(first) + 1);
  return Array.from({ length: count }, (_, i) => `${net}${Number(first) + i}`);
}

/** Every third connect goes to a port where nobody listens. */
function connectToThisMachine(timeoutMs: number): void {
  const closed = listen();
  const open = Array.from({ length: LISTENERS }, () => listen());
  close(closed.fd);
  const targets = Array.from({ length: COUNT }, (_, i) => ({
    address: closed.address,
    port: (i % 3 === 2 ? closed : open[i % LISTENERS]).port,
  }));
  report(targets, timeoutMs);
  for (const { fd } of open) close(fd);
}

function report(
  targets: readonly Target[],
  timeoutMs: number,
): Map<Target, Outcome> {
  const start = performance.now();
  const outcomes = connectMany(targets, timeoutMs);
  const took = Math.round(performance.now() - start);
  const counts = new Map<Outcome, number>();
  for (const outcome of outcomes.values()) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`${outcomes.size} connects, ${took} ms: ${parts.join(", ")}`);
  return outcomes;
}

if (import.meta.main) {
  const { values, positionals: [address, ...ports] } = parseArgs({
    args: Deno.args,
    options: { seconds: { type: "string", default: "10" } },
    allowPositionals: true,
  });
  const timeoutMs = Number(values.seconds) * 1000;
  if (address === undefined) {
    connectToThisMachine(timeoutMs);
  } else if (ports.length === 0) {
    console.error("Usage: connect_many.ts [--seconds S] [ADDRESS PORT …]");
    Deno.exitCode = 2;
  } else {
    const targets = addressesOf(address).flatMap((address) =>
      ports.map((port) => ({ address, port: Number(port) }))
    );
    for (const [{ address, port }, outcome] of report(targets, timeoutMs)) {
      if (outcome === "connected") console.log(`${address} port ${port}`);
    }
  }
}
