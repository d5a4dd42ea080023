/** Bytes in and out of descriptors of every kind, without ever waiting. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { partOf } from "../posix/check.ts";
import { takeError } from "../posix/connect.ts";
import { isNonblocking } from "../posix/mode.ts";
import { getIntOption } from "../posix/option.ts";
import { PLATFORM, POLLIN, POLLOUT, SOCK_STREAM } from "../posix/platform.ts";
import { isReady } from "../posix/poll.ts";
import { shutdown } from "../posix/socket.ts";
import { read, recv, send, write } from "../posix/transfer.ts";

const { PIPE_BUF, SOL_SOCKET, SO_TYPE } = PLATFORM;
const { ENOTSOCK } = constants.errno;

/** How bytes get in and out of one kind of descriptor. */
export interface Channel {
  /** The count; 0 at the end; null where there is nothing yet. */
  read(fd: number, buffer: Uint8Array): number | null;
  /** The count, which may be less than asked; null where there is no room. */
  write(fd: number, bytes: Uint8Array): number | null;
  /** Tells the other side that this was all, where that can be told without closing the descriptor. */
  finish(fd: number): void;
}

/**
 * The channel of a descriptor. No descriptor's mode is changed: it belongs to the open file, and so to every process
 * that has it.
 *
 * @throws {TypeError} for a socket that keeps messages apart.
 * @throws {SystemError} EBADF.
 */
export function channelOf(fd: number): Channel {
  const type = socketTypeOf(fd);
  if (type === undefined) return isNonblocking(fd) ? PROMPT : PATIENT;
  if (type === SOCK_STREAM) return SOCKET;
  throw new TypeError(
    `fd must be a stream socket, a pipe, a terminal or a file, got ${fd}, a socket of messages`,
  );
}

function socketTypeOf(fd: number): number | undefined {
  try {
    return getIntOption(fd, SOL_SOCKET, SO_TYPE);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENOTSOCK) {
      return undefined;
    }
    throw error;
  }
}

/** Sockets are asked not to wait in each call, whatever their mode. */
const SOCKET: Channel = {
  read(fd, buffer) {
    const count = recv(fd, buffer);
    if (count === 0) throwTaken(fd);
    return count;
  },
  write: (fd, bytes) => send(fd, bytes),
  finish(fd) {
    try {
      shutdown(fd, "write");
    } catch (error) {
      // The other side is gone, and on macOS that is no failure of what was sent.
      if (!(error instanceof SystemError && error.code === "ENOTCONN")) {
        throw error;
      }
    }
  },
};

/** On Linux an event may have taken the error that broke a connection: then recv(2) calls it an end. */
function throwTaken(fd: number): void {
  const error = takeError(fd);
  if (error !== null) throw new SystemError("recv", error.errno);
}

/** What is in non-blocking mode. */
const PROMPT: Channel = {
  read: (fd, buffer) => read(fd, buffer),
  write: (fd, bytes) => write(fd, bytes),
  finish() {},
};

/** What is in blocking mode: poll(2) says beforehand whether a call would wait. */
const PATIENT: Channel = {
  read: (fd, buffer) => isReady(fd, POLLIN, 0) ? read(fd, buffer) : null,
  write: (fd, bytes) =>
    isReady(fd, POLLOUT, 0) ? write(fd, pieceOf(bytes)) : null,
  finish() {},
};

/** As much as a pipe takes without waiting when poll(2) calls it writable. */
function pieceOf(bytes: Uint8Array): Uint8Array {
  return bytes.length <= PIPE_BUF ? bytes : partOf(bytes, 0, PIPE_BUF);
}
