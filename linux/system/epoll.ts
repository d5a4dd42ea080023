/** epoll(7): one set of descriptors, and a buffer of its reports. */
import { ArrayBuffer, Int32Array, type Words } from "../../intrinsics.ts";
import { ARCH } from "../../runtime.ts";
import {
  captureErrno,
  CLOEXEC,
  EINVAL,
  ELOOP,
  ENOSYS,
  EPERM,
  libc,
  pointerTo,
  scratch,
} from "./libc.ts";

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDHUP = 0x2000;
export const EPOLLONESHOT: number = 1 << 30;
export const EPOLLET: number = 1 << 31;
/** A registration that reports nothing, but for one EPOLLERR or EPOLLHUP that no mask keeps out. */
export const DORMANT: number = EPOLLET | EPOLLONESHOT;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

// struct epoll_event { uint32_t events; epoll_data_t data; } is packed on x86-64, and only there.
const PACKED = ARCH === "x86_64";
/** 32-bit words of one struct epoll_event. */
export const EVENT_WORDS: number = PACKED ? 3 : 4;
/** Where in it the two halves of `data` are. */
export const DATA_LOW: number = PACKED ? 1 : 2;
export const DATA_HIGH: number = DATA_LOW + 1;

const MAX_MILLISECONDS = 0x7fff_ffff;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const NANOSECONDS_PER_SECOND = 1e9;
/** The system call's number on x86-64 and arm64 alike. */
const SYS_epoll_pwait2 = 441n;
let hasPwait2 = true;

/** Memory for the reports of one epoll_wait. */
export class EventBuffer {
  readonly capacity: number;
  readonly words: Words;
  readonly pointer: Deno.PointerValue;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.words = new Int32Array(new ArrayBuffer(capacity * EVENT_WORDS * 4));
    this.pointer = pointerTo(this.words);
  }
}

/** A new epoll descriptor, or -1. */
export function epollCreate(): number {
  return libc.epoll_create1(CLOEXEC);
}

/** Registers `fd`, to come back with both words of data. The errno, or 0. */
export function epollControl(
  epfd: number,
  operation: number,
  fd: number,
  events: number,
  high: number,
): number {
  const { words, pointer } = scratch;
  words[0] = events;
  words[DATA_LOW] = fd;
  words[DATA_HIGH] = high;
  if (libc.epoll_ctl(epfd, operation, fd, pointer) !== -1) return 0;
  const error = captureErrno();
  return error === ELOOP ? EINVAL : error; // R22: a ring of sets, or too many in each other
}

/**
 * Waits for reports: their count, or -1 with errno uncaptured. It may come back early, never late: the caller looks
 * at the clock.
 *
 * @param nanoseconds How long at most; 0 not at all, negative for ever.
 */
export function epollWait(
  epfd: number,
  buffer: EventBuffer,
  max: number,
  nanoseconds: number,
): number {
  if (nanoseconds <= 0) {
    return libc.epoll_wait(epfd, buffer.pointer, max, nanoseconds < 0 ? -1 : 0);
  }
  const milliseconds = nanoseconds / NANOSECONDS_PER_MILLISECOND;
  if (hasPwait2 && !Number.isInteger(milliseconds)) {
    const count = waitPrecisely(epfd, buffer, max, nanoseconds);
    if (count !== -ENOSYS) return count;
    hasPwait2 = false; // before Linux 5.11, or refused
  }
  return libc.epoll_wait(
    epfd,
    buffer.pointer,
    max,
    Math.min(Math.ceil(milliseconds), MAX_MILLISECONDS),
  );
}

function waitPrecisely(
  epfd: number,
  buffer: EventBuffer,
  max: number,
  nanoseconds: number,
): number {
  const seconds = Math.min(
    Math.floor(nanoseconds / NANOSECONDS_PER_SECOND),
    MAX_MILLISECONDS,
  );
  const { second, secondPointer } = scratch;
  second[0] = seconds;
  second[1] = 0;
  second[2] = Math.min(
    Math.ceil(nanoseconds - seconds * NANOSECONDS_PER_SECOND),
    NANOSECONDS_PER_SECOND - 1,
  );
  second[3] = 0;
  const count = Number(libc.epoll_pwait2(
    SYS_epoll_pwait2,
    epfd,
    buffer.pointer,
    max,
    secondPointer,
    null,
    8n,
  ));
  if (count !== -1) return count;
  const error = captureErrno();
  return error === ENOSYS || error === EPERM ? -ENOSYS : -1;
}
