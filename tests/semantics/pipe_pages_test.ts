import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { roomInPipe } from "../../linux/filters/write.ts";

const PIPE_BUF = 4096;
const SLOTS = 16;

/** A pipe as Linux has it: some pages, into the last of which a write's odd bytes go if they fit there. */
class Pipe {
  readonly #page: number;
  /** Of each page the bytes that are left in it, and where they end. */
  #pages: { left: number; end: number }[] = [];

  constructor(page: number) {
    this.#page = page;
  }

  get used(): number {
    return this.#pages.reduce((sum, { left }) => sum + left, 0);
  }

  get isWritable(): boolean {
    return this.#pages.length < SLOTS;
  }

  /** Whether all of so many bytes fit; they are written, or nothing is. */
  write(count: number): boolean {
    const odd = count % this.#page;
    const last = this.#pages.at(-1);
    const joins = last !== undefined && odd > 0 &&
      last.end + odd <= this.#page;
    const rest = joins ? count - odd : count;
    const slots = Math.ceil(rest / this.#page);
    if (this.#pages.length + slots > SLOTS) return false;
    if (joins) {
      last.left += odd;
      last.end += odd;
    }
    for (let left = rest; left > 0; left -= this.#page) {
      const bytes = Math.min(left, this.#page);
      this.#pages.push({ left: bytes, end: bytes });
    }
    return true;
  }

  read(count: number): void {
    let wanted = count;
    while (wanted > 0 && this.#pages.length > 0) {
      const [first] = this.#pages;
      const taken = Math.min(wanted, first.left);
      first.left -= taken;
      wanted -= taken;
      if (first.left === 0) this.#pages.shift();
    }
  }
}

/** The same numbers for the same seed, from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the room in a pipe of Linux", () => {
  for (const page of [4096, 16384, 65536]) {
    it(`R36 what is told to fit fits, with pages of ${page} bytes`, () => {
      const size = SLOTS * page;
      for (let seed = 1; seed <= 300; seed++) {
        const next = random(seed);
        const pipe = new Pipe(page);
        for (let step = 0; step < 60; step++) {
          const odd = Math.ceil(next() ** 3 * 3 * page);
          if (next() < 0.4) pipe.read(odd);
          else pipe.write(next() < 0.2 ? page : odd);
          if (!pipe.isWritable) continue;
          const room = roomInPipe(size, pipe.used, page);
          assert(room >= PIPE_BUF, `${room} bytes`);
          const full = pipe.used;
          const fits = pipe.write(room);
          assert(fits, `${room} bytes beside ${full}, seed ${seed}`);
          pipe.read(next() < 0.5 ? room : size);
        }
      }
    });

    it(`R36 an empty pipe of pages of ${page} bytes takes all of its size`, () => {
      assertEquals(roomInPipe(SLOTS * page, 0, page), SLOTS * page);
    });
  }
});
