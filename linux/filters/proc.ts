/** EVFILT_PROC (R80 to R83), by pidfd_open(2). */
import {
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
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
import { release } from "../system/own.ts";
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

/** The process behind one watcher. */
class WatchedProcess implements Source {
  readonly host: Host;
  readonly knote: Knote;
  readonly pidfd: number;

  constructor(
    host: Host,
    knote: Knote,
    pidfd: number,
  ) {
    this.host = host;
    this.knote = knote;
    this.pidfd = pidfd;
  }

  /** It has exited. The pidfd stays readable from now on, so it leaves the set. */
  ready(): void {
    this.host.removeSource(this.pidfd);
    this.knote.active = true;
    this.report();
  }

  report(): void {
    const { host, knote } = this;
    const isDue = knote.active && (knote.fflags & NOTE_EXIT) !== 0;
    if (isDue && knote.enabled) host.ready(knote);
    else host.unready(knote);
  }

  close(): void {
    this.host.removeSource(this.pidfd);
    release(this.pidfd);
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
    const pid = knote.ident;
    if (typeof pid !== "number" || pid === 0 || pid > 0x7fff_ffff) return ESRCH;
    const pidfd = openProcess(pid);
    if (pidfd < 0) return -pidfd;
    const error = refusal(change.fflags, pid) || this.#watch(knote, pidfd);
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
    const error = refusal(change.fflags, knote.ident as number);
    if (error !== 0) return error;
    knote.take(change);
    knote.enabledBy(change);
    this.#processes.get(knote.ident)?.report();
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
    const status = (knote.fflags & NOTE_EXITSTATUS) === 0
      ? undefined
      : waitStatus(process.pidfd);
    if (status === undefined) fillReport(flags, NOTE_EXIT, 0);
    else fillReport(flags, NOTE_EXIT | NOTE_EXITSTATUS, status);
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
    for (const { pidfd } of this.#processes.values()) release(pidfd);
  }
}

/** A pidfd of a process that runs, or -errno: ESRCH also for one that has exited, reaped or not (R80). */
function openProcess(pid: number): number {
  const pidfd = Number(libc.pidfd_open(SYS_pidfd_open, pid, 0));
  if (pidfd === -1) {
    const error = captureErrno();
    // EINVAL or ENOENT for a number that is a thread's and no process's.
    return -(error === EINVAL || error === ENOENT ? ESRCH : error);
  }
  if (pollNow(pidfd, EPOLLIN) === 0) return pidfd;
  libc.close(pidfd);
  return -ESRCH;
}

/** Why these fflags cannot be had: the errno, 0 if they can. */
function refusal(fflags: number, pid: number): number {
  if ((fflags & ~(NOTE_EXIT | NOTE_EXITSTATUS)) !== 0) return ENOTSUP; // R83
  if ((fflags & NOTE_EXITSTATUS) === 0) return 0;
  return libc.kill(pid, 0) === -1 && captureErrno() === EPERM ? EACCES : 0; // R82
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
