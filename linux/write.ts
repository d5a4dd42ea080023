/** EVFILT_WRITE (R33, R34, R36). */
import { EV_EOF, EVFILT_WRITE } from "../constants.ts";
import { DescriptorFilter } from "./descriptors.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "./epoll.ts";
import { fillReport } from "./filter.ts";
import type { Knote } from "./knote.ts";
import { EBADF, libc, scratch } from "./libc.ts";
import {
  isShutForWriting,
  KIND_DATAGRAM,
  KIND_LISTENER,
  KIND_PIPE,
  KIND_STREAM,
  kindOf,
  pipeSize,
  readable,
  socketRoom,
  unsent,
} from "./sockets.ts";

const PIPE_BUF = 4096;
/** What a terminal's line takes at least, as the kernel has it (tty's write room). */
const TERMINAL_BUFFER = 4096;

export class WriteFilter extends DescriptorFilter {
  override readonly number = EVFILT_WRITE;
  protected override readonly mask: number = EPOLLOUT;

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
        return whenRoom(revents, socketRoom(fd, false));
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
    const ends = isBroken || isShutForWriting(fd);
    if (!ends) return whenRoom(revents, room);
    fillReport(EV_EOF, this.queue.socketError(fd, knote.kind, revents), room);
    return true;
  }
}

function whenRoom(revents: number, room: number): boolean {
  if (room < 0 || (revents & EPOLLOUT) === 0) return false;
  fillReport(0, 0, room);
  return true;
}

function wasConnected(fd: number, revents: number): boolean {
  if ((revents & EPOLLERR) !== 0) return true;
  const { words, pointer } = scratch;
  words[0] = fd;
  words[1] = EPOLLIN | EPOLLRDHUP;
  libc.poll(pointer, 1, 0);
  return ((words[1] >>> 16) & EPOLLRDHUP) !== 0;
}

function evaluatePipe(fd: number, revents: number): boolean {
  const used = readable(fd);
  if (used < 0) return false;
  // The last reader is gone (EPOLLERR), or for the read end the last writer (EPOLLHUP).
  if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) {
    fillReport(EV_EOF, 0, 0);
    return true;
  }
  // A pipe is made of pages, and how many are free is known of an empty one alone: else there is one at least.
  return whenRoom(revents, used === 0 ? pipeSize(fd) : PIPE_BUF);
}

function evaluateOther(fd: number, revents: number): boolean {
  if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) {
    fillReport(EV_EOF, 0, 0);
    return true;
  }
  const waiting = unsent(fd);
  if (waiting === -EBADF) return false;
  return whenRoom(
    revents,
    waiting < 0 ? 1 : Math.max(1, TERMINAL_BUFFER - waiting),
  );
}
