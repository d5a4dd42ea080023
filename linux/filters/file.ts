/** READ and WRITE on files that epoll refuses as they never wait: regular files, and devices such as /dev/null (R33, R37). */
import { EV_CLEAR, EVFILT_READ, NOTE_LOWAT } from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, GONE, type Knote } from "../knote.ts";
import { type FileListener, IN_MODIFY } from "../system/inotify.ts";
import { EINVAL, libc } from "../system/libc.ts";
import {
  type FileStat,
  isCharacterDevice,
  isRegular,
  statAgain,
  statOf,
} from "../system/stat.ts";

const SEEK_CUR = 1;

/** The file behind one watcher. */
class PlainFile implements FileListener {
  readonly host: Host;
  readonly knote: Knote;
  readonly fd: number;
  readonly stat: FileStat;
  /** inotify's watch of it, -1 for none. */
  wd = -1;

  constructor(
    host: Host,
    knote: Knote,
    fd: number,
    stat: FileStat,
  ) {
    this.host = host;
    this.knote = knote;
    this.fd = fd;
    this.stat = stat;
  }

  /** It was written: there may be something to read. */
  changed(): void {
    if (this.knote.enabled) this.host.ready(this.knote);
  }

  /** Its state; undefined where the number was closed or names another file now (R9). */
  statNow(): FileStat | undefined {
    return statAgain(this.fd, this.stat);
  }
}

/** What READ's filter, or WRITE's, hands on: its watchers of files that never wait. */
export class FileFilter implements Filter {
  readonly number: number;
  readonly #host: Host;
  readonly #files = new Map<number | bigint, PlainFile>();
  /** Watchers that every call must look at: of what is left to read of regular files, as levels. */
  readonly #levels = new Set<Knote>();

  /** @param number EVFILT_READ or EVFILT_WRITE. */
  constructor(number: number, host: Host) {
    this.number = number;
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#files.get(ident)?.knote;
  }

  attach(knote: Knote, _change: Change): number {
    const fd = knote.ident as number;
    const stat = statOf(fd);
    if (typeof stat === "number") return stat;
    if (!isRegular(stat) && !isWatchableDevice(stat, knote)) return EINVAL; // R5
    const file = new PlainFile(this.#host, knote, fd, stat);
    if (this.#countsBytes(stat)) {
      const wd = this.#host.inotify.add(fd, IN_MODIFY, file);
      if (wd < 0) return -wd;
      file.wd = wd;
      if (this.staysReady(knote)) this.#levels.add(knote);
    }
    this.#files.set(fd, file);
    if (knote.enabled) this.#host.ready(knote);
    return 0;
  }

  touch(knote: Knote, change: Change): number {
    const fd = knote.ident as number;
    if (this.#isGone(fd)) {
      this.closed(fd);
      return GONE;
    }
    knote.take(change);
    knote.enabledBy(change);
    if (knote.enabled) this.#host.ready(knote);
    else this.#host.unready(knote);
    return 0;
  }

  detach(knote: Knote): number {
    const isGone = this.#isGone(knote.ident as number);
    this.retire(knote);
    return isGone ? GONE : 0;
  }

  examine(knote: Knote): boolean {
    const fd = knote.ident as number;
    const stat = this.#files.get(fd)?.statNow();
    if (stat === undefined) {
      this.closed(fd);
      return false;
    }
    if (!this.#countsBytes(stat)) {
      fillReport(0, 0, 1);
      return true;
    }
    const offset = Number(libc.lseek(fd, 0n, SEEK_CUR));
    const left = stat.size - offset;
    fillReport(0, 0, left);
    return left !== 0;
  }

  holds(knote: Knote): boolean {
    return this.examine(knote);
  }

  /** A level is examined at each call until it ends. */
  staysReady(knote: Knote): boolean {
    return (knote.flags & EV_CLEAR) === 0;
  }

  rest(): void {}

  retire(knote: Knote): void {
    const fd = knote.ident as number;
    const file = this.#files.get(fd);
    if (file === undefined) return;
    this.#host.inotify.remove(file.wd, file);
    this.#levels.delete(knote);
    this.#files.delete(fd);
  }

  closed(fd: number): void {
    const knote = this.find(fd);
    if (knote === undefined) return;
    this.#host.forget(knote);
    this.retire(knote);
  }

  dispose(): void {} // the inotify descriptor takes the watches with it

  /** Ends the watcher of a number that has come to name another file. */
  recheck(fd: number): void {
    if (this.#files.has(fd) && this.#isGone(fd)) this.closed(fd);
  }

  /** At the start of a call: only a look tells whether an offset has moved (R37). */
  look(): void {
    if (this.#levels.size === 0) return;
    for (const knote of this.#levels) {
      if (knote.enabled) this.#host.ready(knote);
    }
  }

  #countsBytes(stat: FileStat): boolean {
    return this.number === EVFILT_READ && isRegular(stat);
  }

  #isGone(fd: number): boolean {
    return this.#files.get(fd)?.statNow() === undefined;
  }
}

/** A device takes who asks for no more than whether it is ready. */
function isWatchableDevice(stat: FileStat, knote: Knote): boolean {
  return isCharacterDevice(stat) && (knote.fflags & NOTE_LOWAT) !== 0 &&
    knote.data === 1;
}
