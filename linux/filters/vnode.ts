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
  NOTE_REVOKE,
  NOTE_WRITE,
} from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, GONE, type Knote } from "../knote.ts";
import {
  type FileListener,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
} from "../system/inotify.ts";
import { EINVAL, ENOTSUP } from "../system/libc.ts";
import { numberError } from "../system/own.ts";
import {
  type FileStat,
  isDirectory,
  isVnode,
  statAgain,
  statOf,
} from "../system/stat.ts";

const ENTRIES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
/** What no Linux tells: locks given back, leases broken. */
const UNSUPPORTED = NOTE_FUNLOCK | NOTE_LEASE_DOWNGRADE | NOTE_LEASE_RELEASE;

/** One watcher's file, as it was when it was last looked at. */
class WatchedFile implements FileListener {
  wd = -1;
  /** The batch of reports in which the number of links was seen to change. */
  #relinkedIn = -1;
  #parentWd = -1;
  readonly #parent: FileListener = { changed: () => this.#look(0) };

  constructor(
    readonly filter: VnodeFilter,
    readonly host: Host,
    readonly knote: Knote,
    readonly fd: number,
    public stat: FileStat,
  ) {}

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

  changed(mask: number, isChild: boolean): void {
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      this.#happened(this.knote.fflags);
    } else if (isChild) {
      // Entries come and go; that their content changes is no change of the directory.
      if ((mask & ENTRIES) !== 0) this.#look(NOTE_WRITE);
    } else {
      if ((mask & IN_MODIFY) !== 0) this.#look(NOTE_WRITE);
      if ((mask & IN_ATTRIB) !== 0) this.#look(NOTE_ATTRIB);
      if ((mask & IN_MOVE_SELF) !== 0) {
        this.#look(NOTE_RENAME);
        if (isDirectory(this.stat)) this.#watchParent();
      }
      if ((mask & IN_UNMOUNT) !== 0) this.#happened(NOTE_REVOKE);
    }
  }

  /** Nobody tells a directory that is open of its own removal; the one that held it is told. */
  #watchParent(): void {
    const { inotify } = this.host;
    inotify.remove(this.#parentWd, this.#parent);
    this.#parentWd = inotify.add(this.fd, IN_DELETE, this.#parent, "/..");
  }

  /** Something happened: finds out from the file itself what else that was. */
  #look(note: number): void {
    const before = this.stat;
    const now = statAgain(this.fd, before);
    if (now === undefined) {
      this.filter.closed(this.fd); // behind the queue's back
      return;
    }
    this.stat = now;
    let notes = note;
    const { batch } = this.host.inotify;
    if (now.links !== before.links) {
      notes |= NOTE_LINK;
      if (now.links === 0) notes |= NOTE_DELETE;
      if (differInOwnership(before, now)) notes |= NOTE_ATTRIB;
      this.#relinkedIn = batch;
    }
    // inotify has one word for a change of links and one of attributes, and may say it after the links were seen.
    if (this.#relinkedIn === batch && !differInAttributes(before, now)) {
      notes &= ~NOTE_ATTRIB;
    }
    if (now.size > before.size && (note & NOTE_WRITE) !== 0) {
      if (!isDirectory(now)) notes |= NOTE_EXTEND;
    }
    this.#happened(notes);
  }

  #happened(notes: number): void {
    const { host, knote } = this;
    // What is not asked for when it happens is not recorded (R90).
    knote.pending |= notes & knote.fflags;
    if (knote.enabled && (knote.pending & knote.fflags) !== 0) {
      host.ready(knote);
    }
  }
}

function differInOwnership(one: FileStat, other: FileStat): boolean {
  return one.mode !== other.mode || one.owner !== other.owner ||
    one.group !== other.group;
}

function differInAttributes(one: FileStat, other: FileStat): boolean {
  return differInOwnership(one, other) || one.modified !== other.modified ||
    one.accessed !== other.accessed;
}

export class VnodeFilter implements Filter {
  readonly number = EVFILT_VNODE;
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
    if (!isVnode(stat)) return EINVAL;
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
    else if ((knote.pending & knote.fflags) !== 0) this.#host.ready(knote);
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
    const notes = knote.pending & knote.fflags;
    if (notes === 0) return false;
    fillReport(0, notes, 0);
    if ((knote.flags & EV_CLEAR) !== 0) knote.pending = 0;
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(knote: Knote): boolean {
    return (knote.pending & knote.fflags) !== 0;
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
