/** What the tests of streams share: kinds of connections, and bytes that can be checked. */
import { assertEquals } from "@std/assert";
import type { Descriptors } from "../semantics/descriptors.ts";
import * as posix from "../../posix.ts";

/** Two descriptors: what is written to one is read from the other. */
export interface Line {
  readonly name: string;
  /** Whether the end of one direction can be told while the other goes on. */
  readonly isSocket: boolean;
  open(fds: Descriptors): [reader: number, writer: number];
}

/** Every kind of connection that needs no device. */
export const LINES: readonly Line[] = [
  { name: "a pipe", isSocket: false, open: (fds) => fds.pipe() },
  {
    name: "a pipe in non-blocking mode",
    isSocket: false,
    open: (fds) => {
      const ends = fds.pipe();
      for (const fd of ends) posix.setNonblocking(fd, true);
      return ends;
    },
  },
  { name: "Unix sockets", isSocket: true, open: (fds) => fds.socketpair() },
  { name: "TCP", isSocket: true, open: (fds) => fds.tcp() },
];

export const encoder = new TextEncoder();
export const decoder = new TextDecoder();

/** Writes a text, all at once. */
export function put(fd: number, text: string): void {
  const bytes = encoder.encode(text);
  assertEquals(posix.write(fd, bytes), bytes.length);
}

/** All that a stream still has to give. */
export async function textOf(
  stream: ReadableStream<Uint8Array>,
): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk);
  return text;
}

/** How many bytes of a pattern are counted before it repeats: a prime, so that no chunk size hides a shift. */
const PERIOD = 65521;

/** Bytes of which each place has its own: what is lost, doubled or moved shows at the next byte. */
export class Pattern {
  #at = 0;
  readonly #bytes = new Uint8Array(2 * PERIOD);

  constructor() {
    let state = 1;
    for (let i = 0; i < PERIOD; i++) {
      state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
      this.#bytes[i] = this.#bytes[i + PERIOD] = state >>> 16;
    }
  }

  /** How many bytes were given, or checked. */
  get count(): number {
    return this.#at;
  }

  /** The next bytes, at most {@linkcode PERIOD} of them. */
  next(count: number): Uint8Array<ArrayBuffer> {
    const start = this.#at % PERIOD;
    this.#at += count;
    return this.#bytes.slice(start, start + count);
  }

  /** Throws unless these are the bytes that come next. */
  check(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const count = Math.min(PERIOD, bytes.length - done);
      const start = this.#at % PERIOD;
      for (let i = 0; i < count; i++) {
        if (bytes[done + i] === this.#bytes[start + i]) continue;
        throw new Error(`byte ${this.#at + i} is not the one that was sent`);
      }
      this.#at += count;
      done += count;
    }
  }
}

/** Numbers that look random and are the same in each run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to `end - 1`. */
  below(end: number): number {
    this.#state = this.#state + 0x9e37_79b9 | 0;
    let word = Math.imul(this.#state ^ this.#state >>> 16, 0x21f0_aaad);
    word = Math.imul(word ^ word >>> 15, 0x735a_2d97);
    return ((word ^ word >>> 15) >>> 0) % end;
  }
}
