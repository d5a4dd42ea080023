/** An eventfd(2) in an epoll set, which makes the set's descriptor readable for what the kernel knows nothing of. */
import { captureErrno, CLOEXEC, libc, NONBLOCK, pointerTo } from "./libc.ts";
import { release } from "./own.ts";
import type { Source, SourceRegistry } from "./sources.ts";

export class Wakeup implements Source {
  readonly #registry: SourceRegistry;
  readonly #isWanted: () => boolean;
  #fd = -1;
  #isSet = false;
  #value: Deno.PointerValue = null;
  readonly #bytes = new Int32Array(new ArrayBuffer(8));

  /**
   * @param registry Where it is waited for.
   * @param isWanted Whether there still is what the kernel knows nothing of.
   */
  constructor(registry: SourceRegistry, isWanted: () => boolean) {
    this.#registry = registry;
    this.#isWanted = isWanted;
  }

  /** Makes the eventfd, once. The errno, 0 for none. */
  open(): number {
    if (this.#fd !== -1) return 0;
    const fd = libc.eventfd(0, CLOEXEC | NONBLOCK);
    if (fd === -1) return captureErrno();
    const error = this.#registry.addSource(fd, this);
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

  /** It is readable: quiet, unless that is wanted still. */
  ready(): void {
    if (!this.#isWanted()) this.set(false);
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
    this.#fd = -1;
  }
}
