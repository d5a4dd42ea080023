/** What one stream has of a descriptor: a direction to wait for, and a share in who closes it. */
import { EV_CLEAR, EV_EOF } from "../constants.ts";
import { closeListeners } from "../kernel.ts";
import type { Kevent64 } from "../kevent/record.ts";
import type { Loop } from "../loop.ts";
import { addWatcher } from "../loop/friend.ts";
import type { Watcher } from "../loop/watcher.ts";
import { close } from "../posix/descriptor.ts";

/** The streams of one descriptor. */
interface Holders {
  readonly sides: Set<Side>;
  /** Whether the last of them closes it. */
  closes: boolean;
}

const holders = new Map<number, Holders>();

closeListeners.add((fd) => {
  const held = holders.get(fd);
  if (held === undefined) return;
  holders.delete(fd);
  for (const side of held.sides) {
    side.stop(new Deno.errors.BadResource(`Descriptor ${fd} was closed`));
  }
});

/**
 * One direction of a descriptor, as a stream uses it.
 *
 * Its watcher is an edge (EV_CLEAR), added by the first wait. As every wait begins where a call has found nothing, no
 * edge is missed, and waiting again costs no system call. An event that nobody waits for disables it until the next
 * wait, which has the kernel look again: so a stream that nobody reads costs nothing, however much comes in.
 */
export class Side {
  readonly fd: number;
  /** With what error the last event said that it is broken; 0 for none. */
  errno = 0;
  readonly #loop: Loop;
  readonly #filter: number;
  #watcher: Watcher | undefined;
  #isDisabled = false;
  #waiting: PromiseWithResolvers<void> | undefined;
  #stopped: { readonly reason: unknown } | undefined;

  /**
   * @param filter EVFILT_READ or EVFILT_WRITE.
   * @param closes Whether the last stream of the descriptor is to close it.
   */
  constructor(loop: Loop, fd: number, filter: number, closes: boolean) {
    this.#loop = loop;
    this.fd = fd;
    this.#filter = filter;
    const held = holders.get(fd) ?? { sides: new Set(), closes: false };
    held.sides.add(this);
    held.closes ||= closes;
    holders.set(fd, held);
  }

  /** Throws what it was stopped with: the number may name another file by now. */
  check(): void {
    if (this.#stopped !== undefined) throw this.#stopped.reason;
  }

  /**
   * Waits until the descriptor may be read, or written, again. One wait at a time.
   *
   * @throws What {@linkcode stop} was given; what the kernel or the loop says.
   */
  wait(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting = waiting;
    try {
      this.#watch();
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error);
    }
    return waiting.promise;
  }

  /** Stops for good: a pending wait is rejected, and what is called later throws. */
  stop(reason: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { reason };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#watcher?.cancel();
    waiting?.reject(reason);
  }

  /**
   * Gives up its share. The last stream of a descriptor closes it, where one of them was to.
   *
   * @throws {SystemError} EIO or ENOSPC where close(2) fails.
   */
  release(): void {
    this.stop(new Deno.errors.BadResource("The stream has ended"));
    const held = holders.get(this.fd);
    if (held === undefined || !held.sides.delete(this)) return;
    if (held.sides.size > 0) return;
    holders.delete(this.fd);
    if (held.closes) close(this.fd);
  }

  /** {@linkcode release} after a failure, which is what is to be reported. */
  abandon(): void {
    try {
      this.release();
    } catch {
      // The failure came first.
    }
  }

  #watch(): void {
    this.check();
    const watcher = this.#watcher;
    if (watcher === undefined || !watcher.active) {
      this.#isDisabled = false;
      this.#watcher = addWatcher(
        this.#loop,
        { ident: this.fd, filter: this.#filter, flags: EV_CLEAR },
        (event) => this.#happened(event),
        (reason) => this.#ended(reason),
      );
      return;
    }
    if (this.#isDisabled) {
      watcher.enable();
      this.#isDisabled = false;
    }
    watcher.ref();
  }

  #happened({ flags, fflags }: Kevent64): void {
    if ((flags & EV_EOF) !== 0) this.errno = fflags;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      this.#watcher?.unref();
      waiting.resolve();
    } else if (this.#watcher?.active) {
      this.#watcher.disable();
      this.#isDisabled = true;
    }
  }

  /** The loop was closed or its queue failed; or the last event was one of the end. */
  #ended(reason: unknown): void {
    if (reason === undefined) return;
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
  }
}
