/** Descriptors of pipes and files. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { close as closeDescriptor, errno } from "../ffi.ts";
import { closeListeners, currentKernel } from "../kernel.ts";
import { checkInteger } from "../kevent/check.ts";
import { checkOptions } from "../options.ts";
import { checkMode, cString, fdOf, oneOf } from "./check.ts";
import { closeOnExec, complete, failure, libc } from "./libc.ts";
import { setNewMode } from "./mode.ts";
import {
  IS_DARWIN,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PLATFORM,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "./platform.ts";

const ORIGINS = { start: SEEK_SET, current: SEEK_CUR, end: SEEK_END } as const;

/** What {@linkcode pipe} makes. */
export interface PipeOptions {
  /**
   * Whether both ends are in non-blocking mode: {@linkcode read} and {@linkcode write} give null instead of waiting.
   * They are not unless given.
   */
  readonly nonblocking?: boolean;
}

/** How {@linkcode open} opens. */
export interface OpenOptions {
  /** Whether to read; true unless `write` or `append` is. */
  readonly read?: boolean;
  /** Whether to write. */
  readonly write?: boolean;
  /** Whether to write, and always at the end. */
  readonly append?: boolean;
  /** Whether to make the file empty first; only with `write` or `append`. */
  readonly truncate?: boolean;
  /** Whether to open in non-blocking mode: {@linkcode read} and {@linkcode write} give null instead of waiting. */
  readonly nonblocking?: boolean;
}

const PIPE_OPTIONS: Required<PipeOptions> = { nonblocking: true };
const OPEN_OPTIONS: Required<OpenOptions> = {
  read: true,
  write: true,
  append: true,
  truncate: true,
  nonblocking: true,
};

/**
 * Makes a pipe. Both ends are close-on-exec.
 *
 * ```ts
 * import { close, pipe, read } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe({ nonblocking: true });
 * console.log(read(reader, new Uint8Array(64))); // null: nothing yet
 * for (const fd of [reader, writer]) close(fd);
 * ```
 *
 * @returns The end to read from, then the end to write to.
 * @throws {SystemError} EMFILE or ENFILE, when out of descriptors.
 */
export function pipe(
  options: PipeOptions = {},
): [reader: number, writer: number] {
  checkOptions("options", options, PIPE_OPTIONS);
  const { nonblocking = false } = options;
  const ends = new Int32Array(new ArrayBuffer(8));
  complete("pipe", () => libc().pipe(ends, nonblocking));
  const [reader, writer] = ends;
  if (IS_DARWIN) {
    for (const fd of ends) {
      closeOnExec(fd);
      if (nonblocking) setNewMode(fd, true);
    }
  }
  return [reader, writer];
}

/**
 * Opens a file or directory that is there. The descriptor is close-on-exec.
 *
 * It makes no files: the mode that this takes is a variadic argument of open(2). {@linkcode creat} does.
 *
 * ```ts
 * import { close, open, read } from "@kqueue/kqueue/posix";
 *
 * const fd = open("/etc/hosts");
 * console.log(read(fd, new Uint8Array(64)));
 * close(fd);
 * ```
 *
 * @param path Where it is, from the working directory if not absolute.
 * @throws {TypeError} for a path with a NUL in it, and for options that contradict each other.
 * @throws {SystemError} ENOENT, EACCES, EISDIR, EMFILE or ENXIO, among others.
 */
export function open(path: string, options: OpenOptions = {}): number {
  const name = cString("path", path);
  checkOptions("options", options, OPEN_OPTIONS);
  const flags = openFlags(options);
  return complete("open", () => libc().symbols.open(name, flags), path);
}

function openFlags(
  {
    write = false,
    append = false,
    read = !(write || append),
    truncate = false,
    nonblocking = false,
  }: OpenOptions,
): number {
  const writes = write || append;
  if (!read && !writes) {
    throw new TypeError("open needs read, write or append to be true");
  }
  if (truncate && !writes) {
    throw new TypeError("open can truncate only with write or append");
  }
  return (writes ? read ? O_RDWR : O_WRONLY : O_RDONLY) |
    (append ? PLATFORM.O_APPEND : 0) |
    (truncate ? PLATFORM.O_TRUNC : 0) |
    (nonblocking ? PLATFORM.O_NONBLOCK : 0) |
    PLATFORM.O_CLOEXEC;
}

/**
 * Makes a file, or empties the one that is there, and opens it for writing. The descriptor is close-on-exec.
 *
 * ```ts
 * import { close, creat, getpid, open, unlink, write } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * const file = creat(path);
 * write(file, new TextEncoder().encode("hello"));
 * const reader = open(path);
 * for (const fd of [file, reader]) close(fd);
 * unlink(path);
 * ```
 *
 * @param path Where it is to be, from the working directory if not absolute.
 * @param mode Who may do what with a new file, 0 to 0o7777, less the process's umask; 0o644 unless given.
 * @throws {SystemError} EACCES, ENOENT, EISDIR, EMFILE or ENOSPC, among others.
 */
export function creat(path: string, mode: number = 0o644): number {
  const name = cString("path", path);
  checkMode(mode);
  return closeOnExec(
    complete("creat", () => libc().symbols.creat(name, mode), path),
  );
}

/**
 * Closes a descriptor, and removes its watchers from every queue.
 *
 * ```ts
 * import { close, pipe } from "@kqueue/kqueue/posix";
 *
 * for (const fd of pipe()) close(fd);
 * ```
 *
 * @throws {SystemError} EBADF where it is not open; EIO or ENOSPC where what was written could not be kept.
 */
export function close(fd: number | bigint): void {
  if (closeDescriptor(fdOf("fd", fd)) !== -1) return;
  // It is closed all the same: another close could hit whoever has the number next.
  if (errno() !== constants.errno.EINTR) {
    throw new SystemError("close", errno());
  }
}

/**
 * Gives an open file a second descriptor, the lowest that is free. It is close-on-exec.
 *
 * ```ts
 * import { close, dup, pipe, write } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * const other = dup(writer);
 * close(writer);
 * write(other, new Uint8Array(1)); // the pipe is open still
 * for (const fd of [reader, other]) close(fd);
 * ```
 *
 * @throws {SystemError} EBADF or EMFILE.
 */
export function dup(fd: number | bigint): number {
  const descriptor = fdOf("fd", fd);
  return closeOnExec(complete("dup", () => libc().symbols.dup(descriptor)));
}

/**
 * Gives an open file a second descriptor of a certain number, which is closed first if it was open. It is close-on-exec.
 *
 * ```ts
 * import { close, dup2, pipe } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * const [number, rest] = pipe();
 * dup2(reader, number); // number names the first pipe now
 * for (const fd of [reader, writer, number, rest]) close(fd);
 * ```
 *
 * @param fd What to give the number to.
 * @param number The number.
 * @throws {SystemError} EBADF.
 */
export function dup2(fd: number | bigint, number: number | bigint): number {
  const from = fdOf("fd", fd);
  const to = fdOf("number", number);
  if (from !== to && isOpen(from)) {
    for (const closed of closeListeners) closed(to);
    currentKernel().replacing(to);
  }
  return closeOnExec(complete("dup2", () => libc().symbols.dup2(from, to)));
}

function isOpen(fd: number): boolean {
  const copy = libc().symbols.dup(fd);
  if (copy !== -1) return closeDescriptor(copy) === 0;
  return failure("dup").code !== "EBADF"; // EMFILE is what is said of one that is open
}

/**
 * Moves a file's offset, from where it is read and written next.
 *
 * ```ts
 * import { close, lseek, open } from "@kqueue/kqueue/posix";
 *
 * const fd = open("/etc/hosts");
 * console.log(lseek(fd, 0, "end")); // its size in bytes
 * close(fd);
 * ```
 *
 * @param fd A file.
 * @param offset How far, in bytes.
 * @param origin From where: the "start" unless given, where it is now ("current"), or the "end".
 * @returns The offset, in bytes from the start.
 * @throws {SystemError} ESPIPE for a pipe or socket, EINVAL before the start, EBADF.
 */
export function lseek(
  fd: number | bigint,
  offset: number,
  origin: "start" | "current" | "end" = "start",
): number {
  const file = fdOf("fd", fd);
  checkInteger(
    "offset",
    offset,
    -Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
  );
  const whence = oneOf("origin", origin, ORIGINS);
  const moved = libc().symbols.lseek(file, BigInt(offset), whence);
  if (moved === -1n) throw failure("lseek");
  return Number(moved);
}

/**
 * Cuts a file to a length, or fills it with zeros up to it.
 *
 * ```ts
 * import { close, creat, ftruncate, getpid, lseek, unlink } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * const fd = creat(path);
 * ftruncate(fd, 4096);
 * console.log(lseek(fd, 0, "end")); // 4096
 * close(fd);
 * unlink(path);
 * ```
 *
 * @param fd A file open for writing.
 * @param length In bytes.
 * @throws {SystemError} EINVAL for what is no file open for writing, EFBIG, EBADF.
 */
export function ftruncate(fd: number | bigint, length: number): void {
  const file = fdOf("fd", fd);
  checkInteger("length", length, 0, Number.MAX_SAFE_INTEGER);
  complete("ftruncate", () => libc().symbols.ftruncate(file, BigInt(length)));
}

/**
 * Changes a file's mode.
 *
 * ```ts
 * import { close, creat, fchmod, getpid, unlink } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * const fd = creat(path);
 * fchmod(fd, 0o600);
 * close(fd);
 * unlink(path);
 * ```
 *
 * @param fd A file or directory.
 * @param mode Who may do what with it, 0 to 0o7777.
 * @throws {SystemError} EPERM or EBADF.
 */
export function fchmod(fd: number | bigint, mode: number): void {
  const file = fdOf("fd", fd);
  checkMode(mode);
  complete("fchmod", () => libc().symbols.fchmod(file, mode));
}
