/** READ and WRITE on files that epoll refuses because they never wait: regular files, directories, /dev/null (R33, R37). */
import { EV_CLEAR } from "../constants.ts";
import type { Change } from "./change.ts";
import { fillReport, GONE } from "./filter.ts";
import { type FileListener, IN_MODIFY } from "./inotify.ts";
import type { Knote } from "./knote.ts";
import { EBADF, libc } from "./libc.ts";
import type { Queue } from "./queue.ts";
import { type FileStat, isRegular, isSameFile, statOf } from "./stat.ts";

const SEEK_CUR = 1;

/** The file behind one watcher. */
export class PlainFile implements FileListener {
  readonly #queue: Queue;
  readonly #knote: Knote;
  readonly #fd: number;
  readonly #stat: FileStat;
  readonly #reads: boolean;
  #wd = -1;

  private constructor(
    queue: Queue,
    knote: Knote,
    fd: number,
    stat: FileStat,
    reads: boolean,
  ) {
    this.#queue = queue;
    this.#knote = knote;
    this.#fd = fd;
    this.#stat = stat;
    this.#reads = reads;
  }

  /** Starts to watch it for reading, or for writing. The errno where that fails. */
  static open(
    queue: Queue,
    knote: Knote,
    fd: number,
    reads: boolean,
  ): PlainFile | number {
    const stat = statOf(fd);
    if (stat === undefined) return EBADF;
    const file = new PlainFile(queue, knote, fd, stat, reads);
    if (reads && isRegular(stat)) {
      const wd = queue.inotify.add(fd, IN_MODIFY, file);
      if (wd < 0) return -wd;
      file.#wd = wd;
      if (file.staysReady()) queue.files.add(knote);
    }
    if (knote.enabled) queue.ready(knote);
    return file;
  }

  /** It was written: there may be something to read. */
  changed(): void {
    if (this.#knote.enabled) this.#queue.ready(this.#knote);
  }

  touch(change: Change): number {
    const knote = this.#knote;
    if (this.#statNow() === undefined) return GONE;
    knote.take(change);
    knote.enabledBy(change);
    if (knote.enabled) this.#queue.ready(knote);
    else this.#queue.unready(knote);
    return 0;
  }

  /** Whether it is ready; if so fills the report. Undefined where the number was closed or names another file now. */
  examine(): boolean | undefined {
    const now = this.#statNow();
    if (now === undefined) return undefined;
    if (!this.#reads || !isRegular(now)) {
      fillReport(0, 0, 1);
      return true;
    }
    const offset = Number(libc.lseek(this.#fd, 0n, SEEK_CUR));
    const left = now.size - offset;
    fillReport(0, 0, left);
    return left !== 0;
  }

  /** A level is examined at each call until it ends. */
  staysReady(): boolean {
    return (this.#knote.flags & EV_CLEAR) === 0;
  }

  isGone(): boolean {
    return this.#statNow() === undefined;
  }

  stop(): void {
    this.#queue.inotify.remove(this.#wd, this);
    this.#queue.files.delete(this.#knote);
  }

  #statNow(): FileStat | undefined {
    const now = statOf(this.#fd);
    return now !== undefined && isSameFile(now, this.#stat) ? now : undefined;
  }
}
