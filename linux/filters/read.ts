/** EVFILT_READ (R30 to R37). */
import { EV_EOF, EVFILT_READ, NOTE_LOWAT } from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Knote } from "../knote.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP } from "../system/epoll.ts";
import { EpollSet } from "../system/epoll_set.ts";
import { EBADF } from "../system/libc.ts";
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
import { DescriptorFilter, type Peers } from "./descriptor_filter.ts";
import { FileFilter } from "./file.ts";

/** A queue of this isolate: among the kinds of files one that only its siblings know. */
const KIND_QUEUE = -1;
const PIPE_BUF = 4096;
const END = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

export class ReadFilter extends DescriptorFilter {
  override readonly number: number = EVFILT_READ;
  // Edges of a half-closed connection come as EPOLLRDHUP.
  protected override readonly mask: number = EPOLLIN | EPOLLRDHUP;
  override readonly files: FileFilter;

  constructor(host: Host, peers: Peers) {
    super(host, peers, new EpollSet(host.fd));
    this.files = new FileFilter(EVFILT_READ, host);
  }

  override attach(knote: Knote, change: Change): number {
    const error = super.attach(knote, change);
    if (error === 0 && this.host.siblings.has(Number(knote.ident))) {
      knote.kind = KIND_QUEUE;
    }
    return error;
  }

  protected override isConditional(knote: Knote): boolean {
    return (knote.fflags & NOTE_LOWAT) !== 0;
  }

  protected override evaluate(
    knote: Knote,
    fd: number,
    revents: number,
  ): boolean {
    if (knote.kind === KIND_LISTENER) return connections(fd);
    if (knote.kind === KIND_QUEUE) return this.#hasEvents(fd);
    const bytes = readable(fd);
    if (bytes > 0 && (revents & END) === 0) {
      if (this.isConditional(knote) && bytes < lowWaterMark(knote, fd)) {
        return false;
      }
      fillReport(0, 0, bytes);
      return true;
    }
    return bytes === -EBADF
      ? false
      : this.#evaluateClosely(knote, fd, revents, bytes);
  }

  #hasEvents(fd: number): boolean {
    const count = this.host.siblings.get(fd)?.countReady() ?? 0;
    fillReport(0, 0, count);
    return count > 0;
  }

  /** Nothing to read, an end, an error, or a file that does not count bytes. */
  #evaluateClosely(
    knote: Knote,
    fd: number,
    revents: number,
    bytes: number,
  ): boolean {
    if (knote.kind === 0) knote.kind = kindOf(fd);
    const { kind } = knote;
    if (kind === KIND_LISTENER) return connections(fd);
    if ((revents & END) !== 0 && isAtEnd(kind, revents)) {
      const error = this.peers.socketError(fd, kind, revents);
      // The write end of a pipe counts what is in the pipe, but nobody will ever read that there.
      const isWriteEnd = kind === KIND_PIPE && (revents & EPOLLERR) !== 0;
      fillReport(EV_EOF, error, isWriteEnd ? 0 : Math.max(bytes, 0));
      return true;
    }
    if (kind === KIND_STREAM && bytes === 0 && (revents & EPOLLIN) !== 0) {
      // FIONREAD counts up to TCP's urgent mark, and there may be more behind it.
      const behind = peek(fd);
      fillReport(0, 0, behind);
      return behind > 0;
    }
    // A descriptor that counts no bytes, or nothing but an empty datagram or a terminal's end of file, which count.
    const countsEmpty = kind === KIND_DATAGRAM || kind === KIND_OTHER;
    if (bytes <= 0 && !(countsEmpty && (revents & EPOLLIN) !== 0)) return false;
    fillReport(0, 0, bytes < 0 ? 1 : bytes);
    return true;
  }
}

function isAtEnd(kind: number, revents: number): boolean {
  // A stream socket that was never connected reports a hangup alone; on macOS it is silent.
  if (kind === KIND_STREAM) return (revents & (EPOLLRDHUP | EPOLLERR)) !== 0;
  // A datagram socket's error is for the next recv to take: no end.
  if (kind === KIND_DATAGRAM) return (revents & EPOLLHUP) !== 0;
  return true;
}

function connections(fd: number): boolean {
  const count = waitingConnections(fd);
  fillReport(0, 0, count);
  return count > 0;
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
  return Math.max(1, knote.capacity / 2 - PIPE_BUF);
}
