/** What there is to read, for READ and EXCEPT, which macOS answers by one routine (R30 to R36, R39). */
import { EV_CLEAR, EV_EOF, NOTE_LOWAT, NOTE_OOB } from "../../constants.ts";
import { fillReport, type Knote } from "../knote.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLPRI,
  EPOLLRDHUP,
} from "../system/epoll.ts";
import { EBADF, pageSize } from "../system/libc.ts";
import {
  KIND_DATAGRAM,
  KIND_LISTENER,
  KIND_OTHER,
  KIND_PIPE,
  KIND_STREAM,
  kindOf,
  peek,
  pipeSize,
  readable,
  receiveCapacity,
  waitingConnections,
} from "../system/sockets.ts";
import { DescriptorFilter } from "./descriptor_filter.ts";

const END = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

export abstract class ReadableFilter extends DescriptorFilter {
  // Edges of a half-closed connection come as EPOLLRDHUP.
  protected override maskOf(knote: Knote): number {
    const mask = EPOLLIN | EPOLLRDHUP;
    return (knote.fflags & NOTE_OOB) === 0 ? mask : mask | EPOLLPRI;
  }

  protected override isConditional(knote: Knote): boolean {
    return (knote.fflags & NOTE_LOWAT) !== 0 && knote.data > 1;
  }

  protected override evaluate(
    knote: Knote,
    fd: number,
    revents: number,
  ): boolean {
    if (knote.kind === KIND_LISTENER) return connections(fd);
    if ((knote.fflags & (NOTE_LOWAT | NOTE_OOB)) !== 0) {
      return this.#evaluateNotes(knote, fd, revents);
    }
    const bytes = readable(fd);
    if (bytes > 0 && (revents & END) === 0) {
      fillReport(0, 0, bytes);
      return true;
    }
    return this.#evaluateClosely(knote, fd, revents, bytes);
  }

  #evaluateNotes(knote: Knote, fd: number, revents: number): boolean {
    const wantsUrgent = (knote.fflags & NOTE_OOB) !== 0;
    if (!wantsUrgent && hasMarkOfOne(knote)) {
      // R35: nobody asks how much there is, so the kernel is not asked either.
      if ((revents & (END | EPOLLIN)) === EPOLLIN) {
        fillReport(0, 0, 1);
        return true;
      }
    }
    const bytes = readable(fd);
    if (wantsUrgent && (revents & EPOLLPRI) !== 0) { // R39
      knote.pending = NOTE_OOB;
    } else if (bytes <= 0 || (revents & END) !== 0) {
      return this.#evaluateClosely(knote, fd, revents, bytes);
    } else if (this.isConditional(knote) && bytes < lowWaterMark(knote, fd)) {
      return false;
    }
    fillReport(0, knote.pending, Math.max(bytes, 0));
    if ((knote.flags & EV_CLEAR) !== 0) knote.pending = 0;
    return true;
  }

  /** Nothing to read, an end, an error, or a file that does not count bytes. */
  #evaluateClosely(
    knote: Knote,
    fd: number,
    revents: number,
    bytes: number,
  ): boolean {
    if (bytes === -EBADF) return false;
    // A stream that counts nothing listens, maybe since the last look (R30).
    const isUnknown = knote.kind === 0 ||
      (knote.kind === KIND_STREAM && bytes < 0);
    if (isUnknown) knote.kind = kindOf(fd);
    const { kind } = knote;
    if (kind === KIND_LISTENER) return connections(fd);
    if ((revents & END) !== 0) {
      if (isAtEnd(kind, revents)) {
        this.#reportEnd(knote, fd, revents, bytes);
        return true;
      }
      if (kind === KIND_DATAGRAM) { // R31: an error that somebody is to take
        fillReport(0, 0, Math.max(bytes, 0));
        return true;
      }
    }
    if (kind === KIND_STREAM && bytes === 0 && (revents & EPOLLIN) !== 0) {
      // FIONREAD counts up to TCP's urgent mark, and there may be more behind it.
      const behind = peek(fd);
      fillReport(0, 0, behind);
      return behind > 0;
    }
    // A descriptor that counts no bytes, or nothing but an empty datagram or a terminal's end of file, which count.
    const countsEmpty = kind === KIND_DATAGRAM || kind === KIND_OTHER ||
      bytes < 0;
    if (bytes <= 0 && !(countsEmpty && (revents & EPOLLIN) !== 0)) return false;
    fillReport(0, 0, bytes < 0 ? 1 : bytes);
    return true;
  }

  #reportEnd(knote: Knote, fd: number, revents: number, bytes: number): void {
    const error = this.peers.socketError(fd, knote.kind, revents);
    // The write end of a pipe counts what is in the pipe, but nobody will ever read that there.
    const isWriteEnd = knote.kind === KIND_PIPE && (revents & EPOLLERR) !== 0;
    fillReport(EV_EOF, error, isWriteEnd ? 0 : Math.max(bytes, 0));
  }
}

function isAtEnd(kind: number, revents: number): boolean {
  // A stream socket that was never connected reports a hangup alone; on macOS it is silent.
  if (kind === KIND_STREAM) return (revents & (EPOLLRDHUP | EPOLLERR)) !== 0;
  // A datagram socket's error is for the next recv to take: no end.
  if (kind === KIND_DATAGRAM) return (revents & (EPOLLRDHUP | EPOLLHUP)) !== 0;
  return true;
}

function connections(fd: number): boolean {
  const count = waitingConnections(fd);
  fillReport(0, 0, count);
  return count > 0;
}

function hasMarkOfOne(knote: Knote): boolean {
  return knote.dataLow === 1 && knote.dataHigh === 0;
}

/** R35: the mark asked for, as far as the buffer can hold so much. */
function lowWaterMark(knote: Knote, fd: number): number {
  const mark = knote.data;
  if (knote.capacity === 0) {
    if (knote.kind === 0) knote.kind = kindOf(fd);
    knote.capacity = knote.kind === KIND_PIPE
      ? pipeSize(fd)
      : receiveCapacity(fd);
  }
  if (mark <= knote.capacity || knote.kind !== KIND_PIPE) {
    return Math.min(mark, knote.capacity);
  }
  // More than the pipe ever holds. When it is full, its pages may be little more than half used.
  return Math.max(1, knote.capacity / 2 - pageSize);
}
