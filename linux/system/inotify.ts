/** inotify(7): one descriptor, told of changes to open files. */
import { ArrayBuffer, Int32Array, type Words } from "../../intrinsics.ts";
import {
  captureErrno,
  CLOEXEC,
  ENOMEM,
  ENOSPC,
  libc,
  NONBLOCK,
  pointerTo,
} from "./libc.ts";
import { release } from "./own.ts";
import type { SourceRegistry } from "./sources.ts";

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
/** Reports were dropped: anything may have happened. Given to every listener. */
export const IN_Q_OVERFLOW = 0x4000;
const IN_MASK_ADD = 0x20000000;

// struct inotify_event { int wd; uint32_t mask, cookie, len; char name[]; }
const EVENT_BYTES = 16;
const BUFFER_BYTES = 65536;

/** Who wants to know of a file's changes. */
export interface FileListener {
  /**
   * @param mask IN_… bits.
   * @param isChild Whether it happened to an entry of the directory, not to the file itself.
   */
  changed(mask: number, isChild: boolean): void;
}

let bytes: Words | undefined;
let pointer: Deno.PointerValue;

export class Inotify {
  readonly #registry: SourceRegistry;
  readonly #listeners = new Map<number, Set<FileListener>>();
  /** Counts the reads: what one brings belongs together. */
  batch = 0;
  #fd = -1;

  /** @param registry Where its descriptor is waited for. */
  constructor(registry: SourceRegistry) {
    this.#registry = registry;
  }

  /**
   * Watches the file that a descriptor has open, by whatever name, or by none. A file has one watch, however many
   * descriptors and listeners it has.
   *
   * @param suffix "/.." for the directory that holds the one that is open.
   * @returns The watch's number, or -errno.
   */
  add(fd: number, mask: number, listener: FileListener, suffix = ""): number {
    const error = this.#open();
    if (error !== 0) return -error;
    const path = new TextEncoder().encode(`/proc/self/fd/${fd}${suffix}\0`);
    const wd = libc.inotify_add_watch(this.#fd, path, mask | IN_MASK_ADD);
    if (wd === -1) {
      const error = captureErrno();
      return -(error === ENOSPC ? ENOMEM : error); // the user's share of watches is used up (R102)
    }
    const listeners = this.#listeners.get(wd);
    if (listeners === undefined) this.#listeners.set(wd, new Set([listener]));
    else listeners.add(listener);
    return wd;
  }

  /** Ends a listener's part in a watch, and the watch with the last. */
  remove(wd: number, listener: FileListener): void {
    const listeners = this.#listeners.get(wd);
    if (listeners === undefined) return;
    listeners.delete(listener);
    if (listeners.size > 0) return;
    this.#listeners.delete(wd);
    libc.inotify_rm_watch(this.#fd, wd);
  }

  /** Reads what there is to read. */
  ready(): void {
    if (this.#fd === -1) return;
    this.batch++;
    if (bytes === undefined) {
      bytes = new Int32Array(new ArrayBuffer(BUFFER_BYTES));
      pointer = pointerTo(bytes);
    }
    const length = Number(libc.read(this.#fd, pointer, BigInt(BUFFER_BYTES)));
    for (let at = 0; at < length;) {
      const word = at / 4;
      const nameBytes = bytes[word + 3];
      this.#dispatch(bytes[word], bytes[word + 1], nameBytes > 0);
      at += EVENT_BYTES + nameBytes;
    }
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
  }

  #dispatch(wd: number, mask: number, isChild: boolean): void {
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      for (const listeners of [...this.#listeners.values()]) {
        for (const listener of [...listeners]) listener.changed(mask, false);
      }
      return;
    }
    // A watch that was removed has some reports left behind.
    for (const listener of [...(this.#listeners.get(wd) ?? [])]) {
      listener.changed(mask, isChild);
    }
  }

  #open(): number {
    if (this.#fd !== -1) return 0;
    const fd = libc.inotify_init1(CLOEXEC | NONBLOCK);
    if (fd === -1) return captureErrno();
    const error = this.#registry.addSource(fd, this);
    if (error !== 0) libc.close(fd);
    else this.#fd = fd;
    return error;
  }
}
