/** EVFILT_SIGNAL (R70), by Deno's signal listeners. */
import { constants } from "node:os";
import { EV_CLEAR, EVFILT_SIGNAL } from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, type Knote } from "../knote.ts";
import { EINVAL, libc, scratch } from "../system/libc.ts";

const SIG_IGN = 1;

/** Signals that were ignored before they were watched. */
const ignored = new Set<Deno.Signal>();

interface WatchedSignal {
  readonly knote: Knote;
  readonly name: Deno.Signal;
  readonly listener: () => void;
}

export class SignalFilter implements Filter {
  readonly number: number = EVFILT_SIGNAL;
  readonly #host: Host;
  readonly #signals = new Map<number | bigint, WatchedSignal>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#signals.get(ident)?.knote;
  }

  attach(knote: Knote, _change: Change): number {
    const name = signalName(knote.ident);
    if (name === undefined) return EINVAL;
    const listener = () => this.#count(knote);
    const wasIgnored = isIgnored(knote.identLow);
    try {
      Deno.addSignalListener(name, listener);
    } catch {
      return EINVAL; // SIGKILL, SIGSTOP, and what Deno does not listen to
    }
    if (wasIgnored) goOnIgnoring(name);
    this.#signals.set(knote.ident, { knote, name, listener });
    return 0;
  }

  touch(knote: Knote, change: Change): number {
    knote.take(change);
    knote.enabledBy(change);
    if (!knote.enabled) this.#host.unready(knote);
    else if (knote.pending > 0) this.#host.ready(knote);
    return 0;
  }

  detach(knote: Knote): number {
    this.retire(knote);
    return 0;
  }

  examine(knote: Knote): boolean {
    fillReport(EV_CLEAR, 0, knote.pending);
    knote.pending = 0;
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(): boolean {
    return false;
  }

  rest(): void {}

  retire(knote: Knote): void {
    const signal = this.#signals.get(knote.ident);
    if (signal === undefined) return;
    Deno.removeSignalListener(signal.name, signal.listener);
    this.#signals.delete(knote.ident);
  }

  closed(): void {}

  dispose(): void {
    for (const { knote } of [...this.#signals.values()]) this.retire(knote);
  }

  #count(knote: Knote): void {
    knote.pending++;
    if (!knote.enabled) return;
    this.#host.ready(knote);
    this.#host.wake();
  }
}

function signalName(ident: number | bigint): Deno.Signal | undefined {
  const entry = Object.entries(constants.signals)
    .find(([, number]) => number === ident);
  return entry?.[0] as Deno.Signal | undefined;
}

function isIgnored(signal: number): boolean {
  const { words, pointer } = scratch;
  // The handler comes first in struct sigaction.
  return libc.sigaction(signal, null, pointer) === 0 &&
    words[0] === SIG_IGN && words[1] === 0;
}

/**
 * Has a signal be ignored after its last watcher too: Deno takes its default action once nobody listens, so somebody
 * listens from now on who does nothing.
 */
function goOnIgnoring(name: Deno.Signal): void {
  if (ignored.has(name)) return;
  ignored.add(name);
  Deno.addSignalListener(name, () => {});
}
