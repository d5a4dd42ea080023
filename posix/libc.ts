/** The C library that the calls of this folder go to, and what their failures mean. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { close as closeDescriptor } from "../ffi.ts";
import { Errno, openSystemLibrary } from "../library.ts";
import { F_SETFL, IS_DARWIN, PLATFORM } from "./platform.ts";
import { DARWIN_CALLS, LINUX_CALLS, type Symbols } from "./symbols.ts";

const { EAGAIN, EINTR, ENOBUFS } = constants.errno;

/** The C library, with what differs between the systems behind one face. */
interface Libc {
  readonly symbols: Symbols;
  readonly errno: Errno;
  /** `pipe(2)`, both ends close-on-exec and in non-blocking mode where one call can do it all. */
  pipe(ends: Int32Array, nonblocking: boolean): number;
  /** `accept(2)`, the new socket close-on-exec and in non-blocking mode where one call can do it all. */
  accept(fd: number, nonblocking: boolean): number;
  /** `fcntl(2)` with F_SETFL. */
  setFlags(fd: number, flags: number): number;
  /** `poll(2)` for one descriptor. */
  poll(descriptor: Int32Array, timeoutMs: number): number;
}

let opened: Libc | undefined;

/** The C library, opened by the first call that needs it. */
export function libc(): Libc {
  return opened ??= IS_DARWIN ? openDarwin() : openLinux();
}

function openDarwin(): Libc {
  const { symbols } = openSystemLibrary(DARWIN_CALLS);
  const onStack = Deno.build.arch === "aarch64";
  return {
    symbols,
    errno: new Errno(symbols, symbols.__error()),
    pipe: (ends) => symbols.pipe(ends),
    accept: (fd) => symbols.accept(fd, null, null),
    setFlags: (fd, flags) =>
      onStack
        ? symbols.fcntlOnStack(fd, F_SETFL, 0, 0, 0, 0, 0, 0, BigInt(flags))
        : symbols.fcntlWith(fd, F_SETFL, BigInt(flags)),
    poll: (descriptor, timeoutMs) => symbols.poll(descriptor, 1, timeoutMs),
  };
}

function openLinux(): Libc {
  const { symbols } = openSystemLibrary(LINUX_CALLS);
  const { O_CLOEXEC, O_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK } = PLATFORM;
  return {
    symbols,
    errno: new Errno(symbols, symbols.__errno_location()),
    pipe: (ends, nonblocking) =>
      symbols.pipe2(ends, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0)),
    accept: (fd, nonblocking) =>
      symbols.accept4(
        fd,
        null,
        null,
        SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0),
      ),
    setFlags: (fd, flags) => symbols.fcntlWith(fd, F_SETFL, BigInt(flags)),
    poll: (descriptor, timeoutMs) => symbols.poll(descriptor, 1n, timeoutMs),
  };
}

/** The error of a call that has just returned -1; `detail` tells what it was about, such as a path. */
export function failure(syscall: string, detail?: string): SystemError {
  const errno = libc().errno.capture();
  return new SystemError(
    syscall,
    errno,
    detail === undefined ? {} : { detail },
  );
}

/**
 * Tells why a call that moves bytes has just returned -1: true where it would have had to wait, false where a signal cut
 * it short and it is to be made again.
 *
 * @throws {SystemError} for every other reason.
 */
export function wouldBlock(syscall: string): boolean {
  const errno = libc().errno.capture();
  if (errno === EINTR) return false;
  // Darwin says ENOBUFS where a datagram finds no room: at the other end, or in the interface's queue.
  if (errno === EAGAIN || errno === ENOBUFS) return true;
  throw new SystemError(syscall, errno);
}

/**
 * Makes a call, and again for as long as signals cut it short.
 *
 * @param detail What it is about, such as a path, for the message.
 * @throws {SystemError} for every other failure.
 */
export function complete(
  syscall: string,
  call: () => number,
  detail?: string,
): number {
  for (;;) {
    const result = call();
    if (result !== -1) return result;
    const error = failure(syscall, detail);
    if (error.errno !== EINTR) throw error;
  }
}

/** Makes a new descriptor close-on-exec where no flag could when it was made; closes it where that fails. */
export function closeOnExec(fd: number): number {
  if (libc().symbols.ioctl(fd, PLATFORM.FIOCLEX) !== -1) return fd;
  const error = failure("ioctl");
  closeDescriptor(fd);
  throw error;
}
