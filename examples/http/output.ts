/** What is sent to connections. */

const SIZE = 256 * 1024;

/** Where bytes go. */
export interface Sink {
  /**
   * Sends bytes, and keeps what there is no room for.
   *
   * @param isLasting Whether the bytes stay what they are; else what is kept is a copy.
   */
  send(bytes: Uint8Array, isLasting: boolean): void;
}

/**
 * Gathers what is to be sent in a turn, and sends it at its end: what goes to one connection by one call, and all such
 * calls in a row. Between reading and parsing, each would find less of what it needs in the processor's caches.
 */
export class Output {
  readonly #gathered = new Uint8Array(SIZE);
  #length = 0;
  /** For whom the parts are, the last of them, and where each starts. */
  readonly #sinks: Sink[] = [];
  #sink: Sink | null = null;
  readonly #starts: number[] = [];
  /** The parts as bytes. Answers are often as long as those before, and then need no new views. */
  readonly #views: Uint8Array[] = [];

  /** Adds bytes for a connection, which nobody may change from now on. */
  write(sink: Sink, bytes: Uint8Array): void {
    if (bytes.length > SIZE - this.#length) {
      this.flush();
      if (bytes.length > SIZE) return sink.send(bytes, true);
    }
    if (this.#sink !== sink) {
      this.#sink = sink;
      this.#sinks.push(sink);
      this.#starts.push(this.#length);
    }
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Sends it. */
  flush(): void {
    this.#starts.push(this.#length);
    for (let at = 0; at < this.#sinks.length; at++) {
      this.#sinks[at].send(this.#part(at), false);
    }
    this.#sinks.length = this.#starts.length = this.#length = 0;
    this.#sink = null;
  }

  #part(at: number): Uint8Array {
    const start = this.#starts[at];
    const length = this.#starts[at + 1] - start;
    const view = this.#views[at] ?? this.#gathered;
    if (view.byteOffset === start && view.length === length) return view;
    return this.#views[at] = this.#gathered.subarray(start, start + length);
  }
}
