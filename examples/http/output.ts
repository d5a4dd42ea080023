/** What a connection has to send. */
import { send } from "../../posix.ts";

/** Where a server gathers the answers to what one connection has asked at once, so that one call sends them all. */
export class SendMemory {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024);
  length = 0;
}

/**
 * A connection's output. It is sent at once, as nearly always there is room; what the other side does not take is kept,
 * and then the connection {@linkcode isBlocked}.
 */
export class Output {
  readonly #fd: number;
  readonly #memory: SendMemory;
  /** What could not be sent, in order. */
  readonly #unsent: Uint8Array[] = [];

  constructor(fd: number, memory: SendMemory) {
    this.#fd = fd;
    this.#memory = memory;
  }

  /** Whether there is something that the other side has no room for. */
  get isBlocked(): boolean {
    return this.#unsent.length > 0;
  }

  /** Adds bytes, which nobody may change from now on. Call {@linkcode flush} after the last. */
  write(bytes: Uint8Array): void {
    const memory = this.#memory;
    if (bytes.length > memory.bytes.length - memory.length) {
      this.flush();
      if (this.isBlocked || bytes.length > memory.bytes.length) {
        return this.#send(bytes);
      }
    }
    memory.bytes.set(bytes, memory.length);
    memory.length += bytes.length;
  }

  /** Sends what was gathered. */
  flush(): void {
    const memory = this.#memory;
    const { length } = memory;
    if (length === 0) return;
    memory.length = 0;
    if (this.isBlocked) this.#unsent.push(memory.bytes.slice(0, length));
    else {
      const sent = send(this.#fd, memory.bytes.subarray(0, length)) ?? 0;
      if (sent < length) this.#unsent.push(memory.bytes.slice(sent, length));
    }
  }

  /** Sends on what was kept, when there is room again. */
  resume(): void {
    for (const bytes of this.#unsent.splice(0)) this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    const sent = this.isBlocked ? 0 : send(this.#fd, bytes) ?? 0;
    if (sent < bytes.length) this.#unsent.push(bytes.subarray(sent));
  }
}
