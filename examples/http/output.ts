/** What is sent to connections. */
import { send } from "../../posix.ts";

const SIZE = 64 * 1024;

/** All was sent. */
export const NOTHING: readonly Uint8Array[] = [];

/**
 * Sends to one connection after the other: gathers the answers to what it has asked at once, so that one call sends
 * them all. As nearly always there is room for them, that is tried before any is waited for.
 */
export class Output {
  readonly #gathered = new Uint8Array(SIZE);
  #length = 0;
  /** What was gathered, as bytes: answers are often as long as those before, and then need no new view. */
  #view = this.#gathered;
  #fd = -1;
  #unsent: Uint8Array[] = [];

  /** Whether the other side has no room for more. */
  get isBlocked(): boolean {
    return this.#unsent.length > 0;
  }

  /** Turns to a connection, beginning with what could not be sent to it before. */
  open(fd: number, unsent: readonly Uint8Array[] = NOTHING): void {
    this.#fd = fd;
    this.#length = 0;
    if (this.isBlocked) this.#unsent = [];
    for (const bytes of unsent) this.#send(bytes);
  }

  /** Adds bytes, which nobody may change from now on. */
  write(bytes: Uint8Array): void {
    if (bytes.length > SIZE - this.#length) {
      this.#flush();
      if (bytes.length > SIZE) return this.#send(bytes);
    }
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Sends what was added. Returns what could not be sent, in order. */
  close(): readonly Uint8Array[] {
    this.#flush();
    return this.isBlocked ? this.#unsent : NOTHING;
  }

  #flush(): void {
    const length = this.#length;
    if (length === 0) return;
    this.#length = 0;
    if (length !== this.#view.length) {
      this.#view = this.#gathered.subarray(0, length);
    }
    const sent = this.isBlocked ? 0 : send(this.#fd, this.#view) ?? 0;
    if (sent < length) this.#unsent.push(this.#view.slice(sent));
  }

  #send(bytes: Uint8Array): void {
    const sent = this.isBlocked ? 0 : send(this.#fd, bytes) ?? 0;
    if (sent < bytes.length) this.#unsent.push(bytes.subarray(sent));
  }
}
