/** What the engine asks of a descriptor to tell its kind and state. */
import { takenErrors } from "../../kernel.ts";
import { captureErrno, EBADF, ENOTSOCK, EPIPE, libc, scratch } from "./libc.ts";

/** Kinds of files, as far as filters treat them differently. 0 is: not asked yet. */
export const KIND_STREAM = 1;
export const KIND_DATAGRAM = 2;
export const KIND_LISTENER = 3;
export const KIND_PIPE = 4;
/** A terminal, an eventfd, an epoll set: whatever has no more to say than that it is ready. */
export const KIND_OTHER = 5;

const F_GETFD = 1;
const POLLIN = 1;

const FIONREAD = 0x541b;
const TIOCOUTQ = 0x5411;
const TIOCGPTN = 0x80045430;
const F_GETPIPE_SZ = 1032;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ERROR = 4;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_ACCEPTCONN = 30;
const SO_MEMINFO = 55;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const SOCK_STREAM = 1;
const MSG_PEEK = 0x02;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SCRATCH_BYTES = 256n;

/** Whether a number names an open file. */
export function isOpen(fd: number): boolean {
  return libc.fcntl(fd, F_GETFD) !== -1;
}

/** Which of the POLL… bits asked for hold now, besides POLLERR and POLLHUP; they have the values of the EPOLL… bits. */
export function pollNow(fd: number, events: number): number {
  const { words, pointer } = scratch;
  words[0] = fd;
  words[1] = events;
  libc.poll(pointer, 1, 0);
  return (words[1] >>> 16) & 0xffff;
}

/** Bytes that can be read, or -errno. */
export function readable(fd: number): number {
  return libc.ioctl(fd, FIONREAD, scratch.pointer) === -1
    ? -captureErrno()
    : scratch.words[0];
}

/** Bytes that a terminal has yet to send, or -errno. */
export function unsent(fd: number): number {
  return libc.ioctl(fd, TIOCOUTQ, scratch.pointer) === -1
    ? -captureErrno()
    : scratch.words[0];
}

/** Whether a descriptor is the master's side of a pseudo-terminal. */
export function isTerminalMaster(fd: number): boolean {
  return libc.ioctl(fd, TIOCGPTN, scratch.pointer) !== -1;
}

/** A pipe's size in bytes, or -errno for what is none. */
export function pipeSize(fd: number): number {
  const size = libc.fcntl(fd, F_GETPIPE_SZ);
  return size === -1 ? -captureErrno() : size;
}

/** Whether a kind is one of sockets. */
export function isSocket(kind: number): boolean {
  return kind === KIND_STREAM || kind === KIND_DATAGRAM ||
    kind === KIND_LISTENER;
}

/** Which kind of file a descriptor has; KIND_OTHER also for a number that is not open. */
export function kindOf(fd: number): number {
  const type = socketOption(fd, SO_TYPE);
  if (type === -ENOTSOCK || type === -EBADF) {
    return pipeSize(fd) > 0 ? KIND_PIPE : KIND_OTHER;
  }
  if (socketOption(fd, SO_ACCEPTCONN) === 1) return KIND_LISTENER;
  return type === SOCK_STREAM ? KIND_STREAM : KIND_DATAGRAM;
}

/** The error that a socket has waiting, taken from it; 0 for none and for what is no socket. */
export function takeSocketError(fd: number): number {
  const error = Math.max(0, socketOption(fd, SO_ERROR));
  if (error !== 0) takenErrors.set(fd, error);
  return error;
}

/** How many bytes of payload a receive buffer holds at the least; the kernel's own figure counts its bookkeeping. */
export function receiveCapacity(fd: number): number {
  return Math.max(
    1,
    Math.min(
      socketOption(fd, SO_RCVBUF),
      socketOption(fd, SO_SNDBUF),
    ) >> 1,
  );
}

/**
 * How many connections wait on a listening socket; 1 where the kernel only tells that some do: of Unix sockets, and
 * where it is no Linux but looks like one.
 */
export function waitingConnections(fd: number): number {
  const { words, pointer, second, secondPointer } = scratch;
  // tcpi_unacked of struct tcp_info, which for a listening socket is the length of its accept queue
  const unacked = 24 / 4;
  const bytes = 28;
  words[unacked] = 0;
  second[0] = bytes;
  const failed = libc.getsockopt(
    fd,
    IPPROTO_TCP,
    TCP_INFO,
    pointer,
    secondPointer,
  );
  const isCounted = failed !== -1 && second[0] >= bytes;
  if (isCounted && words[unacked] > 0) return words[unacked];
  return (pollNow(fd, POLLIN) & POLLIN) === 0 ? 0 : 1;
}

/**
 * How many bytes a socket takes at the least without waiting, or -errno. The kernel counts its bookkeeping in both
 * figures, as much again as the payload at the worst.
 */
export function socketRoom(fd: number, isStream: boolean): number {
  const { words, pointer, second, secondPointer } = scratch;
  const [allocated, sendBuffer, queued] = [2, 3, 5];
  second[0] = 36;
  const failed = libc.getsockopt(
    fd,
    SOL_SOCKET,
    SO_MEMINFO,
    pointer,
    secondPointer,
  );
  if (failed === -1) return roomByQueue(fd, captureErrno());
  const used = isStream
    ? Math.max(words[allocated], words[queued])
    : words[allocated];
  return Math.max(1, (words[sendBuffer] - used) >> 1);
}

/** The same where SO_MEMINFO is refused, which is there from Linux 4.12 on: by what has yet to be sent. */
function roomByQueue(fd: number, error: number): number {
  if (error === EBADF) return -error;
  const buffer = socketOption(fd, SO_SNDBUF);
  return buffer < 0 ? -error : Math.max(1, (buffer >> 1) - unsent(fd));
}

/** Bytes that the next recv of a stream socket gives, as far as a small buffer shows; 0 at its end, or -errno. */
export function peek(fd: number): number {
  const { pointer } = scratch;
  const flags = MSG_PEEK | MSG_DONTWAIT;
  const count = Number(libc.recv(fd, pointer, SCRATCH_BYTES, flags));
  return count === -1 ? -captureErrno() : count;
}

/**
 * Whether a socket is shut for writing. A stream fails to send nothing then, which otherwise does nothing. A datagram
 * socket looks for it before it fetches the bytes, which are not there; but first for an error, which it gives away.
 */
export function isShutForWriting(fd: number, isStream: boolean): boolean {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const sent = libc.send(fd, null, isStream ? 0n : 1n, flags);
  return sent === -1 && captureErrno() === EPIPE;
}

function socketOption(fd: number, name: number): number {
  const { words, pointer, second, secondPointer } = scratch;
  second[0] = 4;
  return libc.getsockopt(fd, SOL_SOCKET, name, pointer, secondPointer) === -1
    ? -captureErrno()
    : words[0];
}
