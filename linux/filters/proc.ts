/** EVFILT_PROC (R80 to R83), by pidfd_open(2). */
import {
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, type Knote } from "../knote.ts";
import { EPOLLIN } from "../system/epoll.ts";
import {
  captureErrno,
  clearScratch,
  EACCES,
  EINVAL,
  ENOENT,
  ENOTSUP,
  EPERM,
  ESRCH,
  libc,
  scratch,
} from "../system/libc.ts";
import { release, setAside } from "../system/own.ts";
import { pollNow } from "../system/sockets.ts";
import type { Source } from "../system/sources.ts";

const SYS_pidfd_open = 434n;
const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const CLD_EXITED = 1;
const CLD_DUMPED = 3;
/** `_IOWR(0xFF, 11, struct pidfd_info)` with the struct's first 64 bytes; Linux 6.13. */
const PIDFD_GET_INFO = 0xc040ff0b;
/** Asks for the exit code of a process that was reaped; Linux 6.15. */
const PIDFD_INFO_EXIT = 8;

const EXITS = NOTE_EXIT | NOTE_EXITSTATUS;
/** What macOS refuses when a watcher is added, and has no use for afterwards (R83). */
const TRACKING = NOTE_TRACK | NOTE_TRACKERR | NOTE_CHILD;

/** The process behind one watcher. */
class WatchedProcess implements Source {
  readonly host: Host;
  readonly knote: Knote;
  /** -1 once it has exited. */
  pidfd: number;
  status = 0;

  constructor(host: Host, knote: Knote, pidfd: number) {
    this.host = host;
    this.knote = knote;
    this.pidfd = pidfd;
  }

  moved(fd: number): void {
    this.pidfd = fd;
  }

  /** It has exited, and there is no more to learn of it: the pidfd would stay readable. */
  ready(): void {
    const { knote } = this;
    knote.pending = knote.fflags & EXITS; // R82: whatever is wanted later
    if ((knote.pending & NOTE_EXITSTATUS) !== 0) this.#takeStatus();
    this.close();
    this.report();
  }

  #takeStatus(): void {
    const status = waitStatus(this.pidfd);
    if (status === undefined) this.knote.pending = NOTE_EXIT;
    else this.status = status;
  }

  /** Records an exit that nobody has looked at yet. */
  look(): void {
    if (this.pidfd !== -1 && pollNow(this.pidfd, EPOLLIN) !== 0) this.ready();
  }

  report(): void {
    const { host, knote } = this;
    if (knote.pending !== 0 && knote.enabled) host.ready(knote);
    else host.unready(knote);
  }

  close(): void {
    if (this.pidfd === -1) return;
    this.host.removeSource(this.pidfd);
    release(this.pidfd);
    this.pidfd = -1;
  }
}

export class ProcFilter implements Filter {
  readonly number: number = EVFILT_PROC;
  readonly #host: Host;
  readonly #processes = new Map<number | bigint, WatchedProcess>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#processes.get(ident)?.knote;
  }

  attach(knote: Knote, change: Change): number {
    if ((change.fflags & ~EXITS) !== 0) return ENOTSUP; // R83
    const pid = knote.identLow; // R80: the rest of it says nothing
    if (pid <= 0) return ESRCH;
    const pidfd = openProcess(pid);
    if (pidfd < 0) return -pidfd;
    const isSecret = (change.fflags & EXITS) === EXITS && // R82
      !mayWait(pidfd, pid);
    const error = isSecret ? EACCES : this.#watch(knote, pidfd);
    if (error !== 0) libc.close(pidfd);
    return error;
  }

  #watch(knote: Knote, pidfd: number): number {
    const process = new WatchedProcess(this.#host, knote, pidfd);
    const error = this.#host.addSource(pidfd, process);
    if (error === 0) this.#processes.set(knote.ident, process);
    return error;
  }

  touch(knote: Knote, change: Change): number {
    if ((change.fflags & ~(EXITS | TRACKING)) !== 0) return ENOTSUP; // R83
    const process = this.#processes.get(knote.ident);
    process?.look();
    knote.take(change);
    knote.enabledBy(change);
    process?.report();
    return 0;
  }

  detach(knote: Knote): number {
    this.retire(knote);
    return 0;
  }

  examine(knote: Knote): boolean {
    const process = this.#processes.get(knote.ident);
    if (process === undefined) return false;
    const flags = EV_EOF | EV_ONESHOT | EV_CLEAR;
    fillReport(flags, knote.pending, process.status);
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(): boolean {
    return false;
  }

  rest(): void {}

  retire(knote: Knote): void {
    this.#processes.get(knote.ident)?.close();
    this.#processes.delete(knote.ident);
  }

  closed(): void {}

  dispose(): void {
    for (const process of this.#processes.values()) process.close();
  }
}

/** A pidfd of a process that runs, or -errno: ESRCH also for one that has exited, reaped or not (R80). */
function openProcess(pid: number): number {
  const pidfd = setAside(Number(libc.pidfd_open(SYS_pidfd_open, pid, 0)));
  if (pidfd === -1) {
    const error = captureErrno();
    // EINVAL or ENOENT for a number that is a thread's and no process's.
    return -(error === EINVAL || error === ENOENT ? ESRCH : error);
  }
  if (pollNow(pidfd, EPOLLIN) === 0) return pidfd;
  libc.close(pidfd);
  return -ESRCH;
}

/** Whether this process is the parent of another, or may signal it. */
function mayWait(pidfd: number, pid: number): boolean {
  if (libc.kill(pid, 0) !== -1 || captureErrno() !== EPERM) return true;
  const options = WEXITED | WNOHANG | WNOWAIT;
  return libc.waitid(P_PIDFD, pidfd, scratch.pointer, options) === 0;
}

/** The status as wait(2) has it, without reaping anybody's child; undefined where it cannot be known any more. */
function waitStatus(pidfd: number): number | undefined {
  const { words, pointer } = scratch;
  clearScratch(32);
  const options = WEXITED | WNOHANG | WNOWAIT;
  if (libc.waitid(P_PIDFD, pidfd, pointer, options) === 0 && words[0] !== 0) {
    // siginfo_t: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status
    const [code, status] = [words[2], words[6]];
    if (code === CLD_EXITED) return (status & 0xff) << 8;
    return code === CLD_DUMPED ? status | 0x80 : status;
  }
  // It was reaped already, or is somebody else's child.
  clearScratch(16);
  words[0] = PIDFD_INFO_EXIT;
  const failed = libc.ioctl(pidfd, PIDFD_GET_INFO, pointer) === -1;
  // struct pidfd_info: the mask of what was filled in comes first, the exit code last of the first 64 bytes
  return failed || (words[0] & PIDFD_INFO_EXIT) === 0 ? undefined : words[15];
}
