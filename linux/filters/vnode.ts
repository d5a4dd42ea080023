/** EVFILT_VNODE (R90 to R93), by inotify. */
import {
  EV_CLEAR,
  EVFILT_VNODE,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_FUNLOCK,
  NOTE_LEASE_DOWNGRADE,
  NOTE_LEASE_RELEASE,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, GONE, type Knote } from "../knote.ts";
import {
  type FileChanges,
  type FileListener,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
} from "../system/inotify.ts";
import { EINVAL, ENOTSUP } from "../system/libc.ts";
import { numberError } from "../system/own.ts";
import {
  type FileStat,
  isDirectory,
  isReplaced,
  isVnode,
  statAgain,
  statOf,
} from "../system/stat.ts";

const ENTRIES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
/** What no Linux tells: locks given back, leases broken. */
const UNSUPPORTED = NOTE_FUNLOCK | NOTE_LEASE_DOWNGRADE | NOTE_LEASE_RELEASE;

/** One watcher's file, as it was when it was last looked at. */
class WatchedFile implements FileListener {
  readonly filter: VnodeFilter;
  readonly host: Host;
  readonly knote: Knote;
  readonly fd: number;
  stat: FileStat;
  wd = -1;
  /** A change of its links was seen before inotify told of it. */
  #isAhead = false;
  #parentWd = -1;
  readonly #parent: FileListener = {
    changed: () => this.changed(NOTHING),
  };

  constructor(
    filter: VnodeFilter,
    host: Host,
    knote: Knote,
    fd: number,
    stat: FileStat,
  ) {
    this.filter = filter;
    this.host = host;
    this.knote = knote;
    this.fd = fd;
    this.stat = stat;
  }

  /** Starts watching. The errno, 0 for none. */
  start(): number {
    const isFolder = isDirectory(this.stat);
    const mask = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF;
    const { inotify } = this.host;
    const wd = inotify.add(this.fd, isFolder ? mask | ENTRIES : mask, this);
    if (wd < 0) return -wd;
    this.wd = wd;
    if (isFolder) this.#watchParent();
    return 0;
  }

  stop(): void {
    this.host.inotify.remove(this.wd, this);
    this.host.inotify.remove(this.#parentWd, this.#parent);
  }

  /** Something happened: finds out from the file itself what that was (R91). */
  changed(changes: FileChanges): void {
    const before = this.stat;
    const now = statAgain(this.fd, before);
    if (now === undefined) {
      this.filter.closed(this.fd); // behind the queue's back
      return;
    }
    this.stat = now;
    if ((changes.self & IN_Q_OVERFLOW) !== 0) {
      this.#happened(this.knote.fflags);
      return;
    }
    if (isDirectory(now)) this.#lookAtEntries(changes, before, now);
    else if ((changes.self & IN_MODIFY) !== 0) this.#lookAtSize(before, now);
    this.#lookAtLinks(changes, before, now);
    if ((changes.self & IN_MOVE_SELF) !== 0) {
      this.#happened(NOTE_RENAME);
      if (isDirectory(now)) this.#watchParent();
    }
  }

  /** That what its entries hold has changed is no change of a directory. */
  #lookAtEntries(
    { entries, folders }: FileChanges,
    before: FileStat,
    now: FileStat,
  ): void {
    if ((entries & ENTRIES) === 0) return;
    // One that was renamed over another within this one has left its links.
    const isLinked = (folders & ENTRIES) !== 0 ||
      (now.links < before.links && now.links > 0);
    this.#happened(isLinked ? NOTE_WRITE | NOTE_LINK : NOTE_WRITE);
  }

  /** inotify has one word for what is written and what is cut, and says it once for both. */
  #lookAtSize(before: FileStat, now: FileStat): void {
    const isCut = now.size < before.size;
    if (isCut) this.#happened(NOTE_ATTRIB);
    if (now.size > before.size) this.#happened(NOTE_EXTEND);
    if (!isCut || now.size > 0) this.#happened(NOTE_WRITE);
  }

  /** inotify has one word for a change of links and one of attributes. */
  #lookAtLinks(
    { self, entries }: FileChanges,
    before: FileStat,
    now: FileStat,
  ): void {
    const isTold = (self & IN_ATTRIB) !== 0;
    // The links of a directory are what it holds, until it is removed.
    const isRelinked = isDirectory(now)
      ? now.links === 0 && before.links !== 0
      : now.links !== before.links;
    if (isRelinked) {
      if (now.links > before.links) this.#happened(NOTE_LINK);
      else this.#nameGone(before.links - now.links);
    }
    const isExplained = isRelinked || (isTold && this.#isAhead);
    const isWritten = ((self & IN_MODIFY) | (entries & ENTRIES)) !== 0;
    if (isTold && (!isExplained || differ(before, now, isWritten))) {
      this.#happened(NOTE_ATTRIB);
    }
    this.#isAhead = isRelinked && !isTold;
  }

  #nameGone(count: number): void {
    const isOver = (count === 1 || isDirectory(this.stat)) &&
      isReplaced(this.fd, this.stat);
    this.#happened(isOver ? NOTE_DELETE : NOTE_DELETE | NOTE_LINK);
  }

  /** Nobody tells a directory that is open of its own removal; the one that held it is told. */
  #watchParent(): void {
    const { inotify } = this.host;
    inotify.remove(this.#parentWd, this.#parent);
    this.#parentWd = inotify.add(this.fd, IN_DELETE, this.#parent, "/..");
  }

  /** R90: one of the notes is wanted, or none of them is recorded. */
  #happened(notes: number): void {
    const { host, knote } = this;
    if ((notes & knote.fflags) !== 0) knote.pending |= notes;
    if (knote.enabled && knote.pending !== 0) host.ready(knote);
  }
}

/** What is known of a directory whose parent has lost an entry. */
const NOTHING: FileChanges = { self: 0, entries: 0, folders: 0 };

/** Whether anything but links has changed; that something was written explains another time. */
function differ(before: FileStat, now: FileStat, isWritten: boolean): boolean {
  return before.mode !== now.mode || before.owner !== now.owner ||
    before.group !== now.group ||
    (before.modified !== now.modified && !isWritten);
}

export class VnodeFilter implements Filter {
  readonly number: number = EVFILT_VNODE;
  readonly #host: Host;
  readonly #files = new Map<number, WatchedFile>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#files.get(Number(ident))?.knote;
  }

  attach(knote: Knote, change: Change): number {
    if ((change.fflags & UNSUPPORTED) !== 0) return ENOTSUP;
    const fd = knote.identLow;
    const failure = numberError(knote.ident, fd);
    if (failure !== 0) return failure;
    const stat = statOf(fd);
    if (typeof stat === "number") return stat;
    if (!isVnode(fd, stat)) return EINVAL;
    const file = new WatchedFile(this, this.#host, knote, fd, stat);
    const error = file.start();
    if (error === 0) this.#files.set(fd, file);
    return error;
  }

  touch(knote: Knote, change: Change): number {
    const file = this.#files.get(knote.ident as number);
    if (file === undefined || this.#isGone(file)) return GONE;
    if ((change.fflags & UNSUPPORTED) !== 0) return ENOTSUP;
    this.#host.inotify.ready(); // what happened so far happened under the set that was wanted so far
    if (!knote.attached) return GONE;
    knote.take(change);
    knote.enabledBy(change);
    if (!knote.enabled) this.#host.unready(knote);
    else if (knote.pending !== 0) this.#host.ready(knote);
    return 0;
  }

  detach(knote: Knote): number {
    const file = this.#files.get(knote.ident as number);
    const isGone = file === undefined || this.#isGone(file);
    this.retire(knote);
    return isGone ? GONE : 0;
  }

  examine(knote: Knote): boolean {
    const file = this.#files.get(knote.ident as number);
    if (file === undefined || this.#isGone(file)) return false;
    if (knote.pending === 0) return false;
    fillReport(0, knote.pending, 0);
    if ((knote.flags & EV_CLEAR) !== 0) knote.pending = 0;
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(knote: Knote): boolean {
    return knote.pending !== 0;
  }

  rest(): void {}

  retire(knote: Knote): void {
    const fd = knote.ident as number;
    this.#files.get(fd)?.stop();
    this.#files.delete(fd);
  }

  closed(fd: number): void {
    const file = this.#files.get(fd);
    if (file === undefined) return;
    this.#host.forget(file.knote);
    this.retire(file.knote);
  }

  dispose(): void {
    this.#files.clear(); // the inotify descriptor takes the watches with it
  }

  /** Whether the number was closed, or names another file by now (R9); then its watcher ends here. */
  #isGone(file: WatchedFile): boolean {
    if (statAgain(file.fd, file.stat) !== undefined) return false;
    this.closed(file.fd);
    return true;
  }
}
