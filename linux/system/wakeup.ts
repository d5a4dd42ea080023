/** An eventfd(2) in an epoll set, which makes the set's descriptor readable for what the kernel knows nothing of. */
import { ArrayBuffer, Int32Array } from "../../intrinsics.ts";
import { captureErrno, CLOEXEC, libc, NONBLOCK, pointerTo } from "./libc.ts";
import { release, setAside } from "./own.ts";
import type { Source, SourceRegistry } from "./sources.ts";

export class Wakeup implements Source {
  #fd = -1;
  #isSet = false;
  #value: Deno.PointerValue = null;
  readonly #bytes = new Int32Array(new ArrayBuffer(8));

  /** Makes the eventfd, to be waited for in `registry`. The errno, 0 for none. */
  open(registry: SourceRegistry): number {
    const fd = setAside(libc.eventfd(0, CLOEXEC | NONBLOCK));
    if (fd === -1) return captureErrno();
    const error = registry.addSource(fd, this);
    if (error !== 0) {
      libc.close(fd);
      return error;
    }
    this.#fd = fd;
    this.#value = pointerTo(this.#bytes);
    return 0;
  }

  /** Makes the set readable, or leaves that to its other members. */
  set(isReadable: boolean): void {
    if (isReadable === this.#isSet) return;
    this.#isSet = isReadable;
    if (isReadable) {
      this.#bytes[0] = 1;
      libc.write(this.#fd, this.#value, 8n);
    } else {
      libc.read(this.#fd, this.#value, 8n);
    }
  }

  /** Whoever looks at the set looks at what this stands for, too. */
  ready(): void {}

  moved(fd: number): void {
    this.#fd = fd;
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
    this.#fd = -1;
  }
}
