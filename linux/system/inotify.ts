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
import { release, setAside } from "./own.ts";
import type { SourceRegistry } from "./sources.ts";

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_MOVE_SELF = 0x800;
/** Reports were dropped: anything may have happened. Given to every listener. */
export const IN_Q_OVERFLOW = 0x4000;
/** The entry is a directory. */
const IN_ISDIR = 0x40000000;
const IN_MASK_ADD = 0x20000000;

// struct inotify_event { int wd; uint32_t mask, cookie, len; char name[]; }
const EVENT_BYTES = 16;
const BUFFER_BYTES = 65536;

/** What happened to one file until its changes were read, all of it together: IN_… bits. */
export interface FileChanges {
  /** To the file itself. */
  self: number;
  /** To the entries of a directory. */
  entries: number;
  /** To those entries that are directories, but for a new name within this one. */
  folders: number;
}

/** Who wants to know of a file's changes. */
export interface FileListener {
  changed(changes: FileChanges): void;
}

let bytes: Words | undefined;
let pointer: Deno.PointerValue;

export class Inotify {
  readonly #registry: SourceRegistry;
  readonly #listeners = new Map<number, Set<FileListener>>();
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
    if (bytes === undefined) {
      bytes = new Int32Array(new ArrayBuffer(BUFFER_BYTES));
      pointer = pointerTo(bytes);
    }
    const length = Number(libc.read(this.#fd, pointer, BigInt(BUFFER_BYTES)));
    for (const [wd, changes] of collect(bytes, length)) {
      this.#dispatch(wd, changes);
    }
  }

  moved(fd: number): void {
    this.#fd = fd;
  }

  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
  }

  #dispatch(wd: number, changes: FileChanges): void {
    const listeners = (changes.self & IN_Q_OVERFLOW) !== 0
      ? [...this.#listeners.values()].flatMap((some) => [...some])
      // A watch that was removed has some reports left behind.
      : [...(this.#listeners.get(wd) ?? [])];
    for (const listener of listeners) listener.changed(changes);
  }

  #open(): number {
    if (this.#fd !== -1) return 0;
    const fd = setAside(libc.inotify_init1(CLOEXEC | NONBLOCK));
    if (fd === -1) return captureErrno();
    const error = this.#registry.addSource(fd, this);
    if (error !== 0) libc.close(fd);
    else this.#fd = fd;
    return error;
  }
}

/** What the reports in a buffer say of each watch. */
function collect(
  words: Int32Array,
  length: number,
): Map<number, FileChanges> {
  const all = new Map<number, FileChanges>();
  /** A directory that has left one, and may be about to come into it again by another name. */
  let leaving: { changes: FileChanges; cookie: number } | undefined;
  for (let at = 0; at < length;) {
    const [wd, mask, cookie, nameBytes] = words.subarray(at / 4, at / 4 + 4);
    at += EVENT_BYTES + nameBytes;
    let changes = all.get(wd);
    if (changes === undefined) {
      all.set(wd, changes = { self: 0, entries: 0, folders: 0 });
    }
    if (nameBytes === 0) {
      changes.self |= mask;
      continue;
    }
    changes.entries |= mask;
    if ((mask & IN_ISDIR) === 0) continue;
    const isBack = (mask & IN_MOVED_TO) !== 0 &&
      leaving?.changes === changes && leaving.cookie === cookie;
    if (!isBack && leaving !== undefined) {
      leaving.changes.folders |= IN_MOVED_FROM;
    }
    const isLeaving = (mask & IN_MOVED_FROM) !== 0;
    leaving = isLeaving ? { changes, cookie } : undefined;
    if (!isBack && !isLeaving) changes.folders |= mask;
  }
  if (leaving !== undefined) leaving.changes.folders |= IN_MOVED_FROM;
  return all;
}
