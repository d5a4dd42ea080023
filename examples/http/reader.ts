/** What reads a connection's requests. */
import { Input, ReceiveMemory } from "./input.ts";
import { type Limits, RequestParser } from "./parser.ts";

const MAX_SPARE_READERS = 1024;

/** A connection's input and what makes requests of it. */
export class Reader {
  readonly input: Input;
  readonly parser: RequestParser;
  /** Whether the client of this request was told to go on. */
  hasSaidContinue = false;

  constructor(memory: ReceiveMemory, limits: Limits) {
    this.input = new Input(memory);
    this.parser = new RequestParser(limits);
  }

  /** Forgets the request that was answered, and goes on to the next. */
  next(): void {
    this.parser.next(this.input);
    this.hasSaidContinue = false;
  }
}

/**
 * A server's readers. A connection has one only while a request is under way: so thousands that are idle cost next to
 * nothing, and those that come whole are all read by the same one, which the processor's caches then know.
 */
export class Readers {
  readonly #memory = new ReceiveMemory();
  readonly #limits: Limits;
  readonly #spare: Reader[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Somewhere for bytes that nobody wants. */
  get waste(): Uint8Array {
    return this.#memory.shared;
  }

  take(): Reader {
    return this.#spare.pop() ?? new Reader(this.#memory, this.#limits);
  }

  /** Takes one back, in the midst of whatever it was. */
  give(reader: Reader): void {
    reader.next();
    reader.input.clear();
    if (this.#spare.length < MAX_SPARE_READERS) this.#spare.push(reader);
  }
}
