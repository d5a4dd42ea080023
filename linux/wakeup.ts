/** An eventfd(2) in a queue's set, which makes the queue's descriptor readable for what the kernel knows nothing of. */
import { captureErrno, CLOEXEC, libc, NONBLOCK, pointerTo } from "./libc.ts";
import { release } from "./own.ts";
import type { Queue } from "./queue.ts";
import type { Source } from "./sources.ts";

export class Wakeup implements Source {
  readonly #queue: Queue;
  #fd = -1;
  #isSet = false;
  #value: Deno.PointerValue = null;
  readonly #bytes = new Int32Array(new ArrayBuffer(8));

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Makes the eventfd, once. The errno, 0 for none. */
  open(): number {
    if (this.#fd !== -1) return 0;
    const fd = libc.eventfd(0, CLOEXEC | NONBLOCK);
    if (fd === -1) return captureErrno();
    const error = this.#queue.addSource(fd, this);
    if (error !== 0) {
      libc.close(fd);
      return error;
    }
    this.#fd = fd;
    this.#value = pointerTo(this.#bytes);
    return 0;
  }

  /** Makes it readable, or not any more. */
  set(isReadable: boolean): void {
    if (isReadable === this.#isSet || this.#fd === -1) return;
    this.#isSet = isReadable;
    if (isReadable) {
      this.#bytes[0] = 1;
      libc.write(this.#fd, this.#value, 8n);
    } else {
      libc.read(this.#fd, this.#value, 8n);
    }
  }

  /** It is readable: quiet, unless the ready list still has something. */
  ready(): void {
    if (this.#queue.isIdle) this.set(false);
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
    this.#fd = -1;
  }
}
