/** EVFILT_WRITE (R33, R34, R36). */
import { EV_EOF, EVFILT_WRITE } from "../../constants.ts";
import type { Host } from "../host.ts";
import { fillReport, type Knote } from "../knote.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from "../system/epoll.ts";
import { EpollSet } from "../system/epoll_set.ts";
import { EBADF, EINVAL, pageSize } from "../system/libc.ts";
import {
  isShutForWriting,
  isTerminalMaster,
  KIND_DATAGRAM,
  KIND_LISTENER,
  KIND_PIPE,
  KIND_STREAM,
  kindOf,
  pipeSize,
  pollNow,
  readable,
  socketRoom,
  unsent,
} from "../system/sockets.ts";
import { DescriptorFilter, type Peers } from "./descriptor_filter.ts";
import { FileFilter } from "./file.ts";

const PIPE_BUF = 4096;
/** What a terminal's line takes at least, as the kernel has it (tty's write room). */
const TERMINAL_BUFFER = 4096;

export class WriteFilter extends DescriptorFilter {
  override readonly number: number = EVFILT_WRITE;
  protected override readonly files: FileFilter;

  constructor(host: Host, peers: Peers) {
    super(host, peers, new EpollSet());
    this.files = new FileFilter(EVFILT_WRITE, host);
  }

  protected override maskOf(): number {
    return EPOLLOUT;
  }

  protected override refusal(_knote: Knote, fd: number): number {
    return this.isQueue(fd) ? EINVAL : 0;
  }

  protected override isConditional(): boolean {
    return false;
  }

  protected override evaluate(
    knote: Knote,
    fd: number,
    revents: number,
  ): boolean {
    if (knote.kind === 0) knote.kind = kindOf(fd);
    switch (knote.kind) {
      case KIND_STREAM:
        return this.#evaluateStream(knote, fd, revents);
      case KIND_DATAGRAM:
        return evaluateDatagram(fd, revents);
      case KIND_LISTENER:
        return false;
      case KIND_PIPE:
        return evaluatePipe(fd, revents);
      default:
        return evaluateOther(fd, revents);
    }
  }

  #evaluateStream(knote: Knote, fd: number, revents: number): boolean {
    const isBroken = (revents & (EPOLLERR | EPOLLHUP)) !== 0;
    // A stream socket that was never connected reports a hangup alone; on macOS it is silent.
    if (isBroken && !wasConnected(fd, revents)) return false;
    const room = socketRoom(fd, true);
    if (room === -EBADF) return false;
    const ends = isBroken || isShutForWriting(fd, true);
    if (!ends) return whenRoom(revents, room);
    fillReport(EV_EOF, this.peers.socketError(fd, knote.kind, revents), room);
    return true;
  }
}

function whenRoom(revents: number, room: number): boolean {
  if (room < 0 || (revents & EPOLLOUT) === 0) return false;
  fillReport(0, 0, room);
  return true;
}

/** R31: an error is reported, and is no end. */
function evaluateDatagram(fd: number, revents: number): boolean {
  const room = socketRoom(fd, false);
  const hasError = (revents & EPOLLERR) !== 0;
  if (hasError || room < 0 || !isShutForWriting(fd, false)) {
    return whenRoom(hasError ? revents | EPOLLOUT : revents, room);
  }
  fillReport(EV_EOF, 0, room);
  return true;
}

function wasConnected(fd: number, revents: number): boolean {
  if ((revents & EPOLLERR) !== 0) return true;
  return (pollNow(fd, EPOLLIN | EPOLLRDHUP) & EPOLLRDHUP) !== 0;
}

function evaluatePipe(fd: number, revents: number): boolean {
  const used = readable(fd);
  if (used === -EBADF) return false;
  // The last reader is gone (EPOLLERR), or for the read end the last writer (EPOLLHUP).
  if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) {
    fillReport(EV_EOF, 0, 0);
    return true;
  }
  if (used < 0) return whenRoom(revents, PIPE_BUF); // the kernel does not tell
  return whenRoom(revents, roomInPipe(pipeSize(fd), used, pageSize));
}

/**
 * What a pipe surely takes. It is made of pages, and a write's odd bytes may have one of their own; but two that
 * follow each other hold more than one page would, or the second would have joined the first. Where whole pages are
 * used it was filled by whole pages.
 */
export function roomInPipe(size: number, used: number, page: number): number {
  if (used % page === 0) return Math.max(PIPE_BUF, size - used);
  const pages = 2 + Math.floor(2 * used / page);
  return Math.max(PIPE_BUF, size - pages * page);
}

function evaluateOther(fd: number, revents: number): boolean {
  if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) {
    fillReport(EV_EOF, 0, 0);
    return true;
  }
  const waiting = unsent(fd);
  if (waiting === -EBADF) return false;
  if (waiting < 0) return whenRoom(revents, 1);
  const isMaster = isTerminalMaster(fd); // R40: of its room nothing is told
  const room = isMaster ? 0 : Math.max(1, TERMINAL_BUFFER - waiting);
  return whenRoom(revents, room);
}
