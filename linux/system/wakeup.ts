/** An eventfd(2) in an epoll set, which makes the set's descriptor readable for what the kernel knows nothing of. */
import { EPOLLET, EPOLLIN } from "./epoll.ts";
import { captureErrno, CLOEXEC, libc, NONBLOCK, pointerTo } from "./libc.ts";
import { release } from "./own.ts";
import type { Source, SourceRegistry } from "./sources.ts";

export class Wakeup implements Source {
  readonly #registry: SourceRegistry;
  #fd = -1;
  #isSet = false;
  #value: Deno.PointerValue = null;
  readonly #bytes = new Int32Array(new ArrayBuffer(8));

  /** @param registry Where it is waited for. */
  constructor(registry: SourceRegistry) {
    this.#registry = registry;
  }

  /** Makes the eventfd, once. The errno, 0 for none. */
  open(): number {
    if (this.#fd !== -1) return 0;
    const fd = libc.eventfd(0, CLOEXEC | NONBLOCK);
    if (fd === -1) return captureErrno();
    // Each write is an edge, which the next look at the set takes with it: nothing has to be read again.
    const error = this.#registry.addSource(fd, this, EPOLLIN | EPOLLET);
    if (error !== 0) {
      libc.close(fd);
      return error;
    }
    this.#fd = fd;
    this.#bytes[0] = 1;
    this.#value = pointerTo(this.#bytes);
    return 0;
  }

  /** Makes the set readable until it is looked at. Out of descriptors it does not, unless it was opened before. */
  set(): void {
    if (this.#isSet || this.open() !== 0) return;
    this.#isSet = true;
    libc.write(this.#fd, this.#value, 8n);
  }

  ready(): void {
    this.#isSet = false;
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
    this.#fd = -1;
  }
}
