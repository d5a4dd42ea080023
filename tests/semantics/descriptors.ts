/** Descriptors that a test opens and that are closed after it, and what moves bytes through them. */
import { assert, assertEquals } from "@std/assert";
import { EV_ADD, EVFILT_READ, EVFILT_WRITE, Kqueue } from "../../mod.ts";
import * as posix from "../../posix.ts";
import { openSystemLibrary } from "../../library.ts";
import { PATIENCE } from "./calls.ts";

/** Closes what it opened, if the test did not. */
export class Descriptors implements Disposable {
  readonly #open = new Set<number>();

  /** Has a descriptor closed after the test. */
  keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  pipe(): [reader: number, writer: number] {
    const [reader, writer] = posix.pipe();
    return [this.keep(reader), this.keep(writer)];
  }

  socketpair(type?: "stream" | "datagram"): [a: number, b: number] {
    const [a, b] = posix.socketpair(type);
    return [this.keep(a), this.keep(b)];
  }

  listen(): posix.Listener {
    const listener = posix.listen({ address: "127.0.0.1", port: 0 });
    this.keep(listener.fd);
    return listener;
  }

  connect(port: number): number {
    return this.keep(posix.connect({ address: "127.0.0.1", port }));
  }

  /** Accepts a connection, once it has arrived. */
  accept(listener: number): number {
    awaitReadable(listener);
    const fd = posix.accept(listener);
    assert(fd !== null, "no connection to accept");
    return this.keep(fd);
  }

  /** Two ends of a TCP connection over loopback. */
  tcp(): [client: number, server: number] {
    const { fd, port } = this.listen();
    const client = this.connect(port);
    const server = this.accept(fd);
    this.close(fd);
    return [client, server];
  }

  dup(fd: number): number {
    return this.keep(posix.dup(fd));
  }

  /** Gives `fd`'s file the number `number`, by way of the module, which closes what had it. */
  dup2(fd: number, number: number): number {
    return this.keep(posix.dup2(fd, number));
  }

  /** The same by dup2(2) itself, so that the module does not hear of it. */
  dup2Behind(fd: number, number: number): number {
    assertEquals(system.dup2(fd, number), number);
    return this.keep(number);
  }

  /** Leaves a descriptor to somebody else, who closes it. */
  forget(...fds: number[]): void {
    for (const fd of fds) this.#open.delete(fd);
  }

  /** Closes a descriptor by way of the module. */
  close(...fds: number[]): void {
    for (const fd of fds) {
      this.#open.delete(fd);
      posix.close(fd);
    }
  }

  /** Closes a descriptor by close(2) itself, so that the module does not hear of it. */
  closeBehind(fd: number): void {
    this.#open.delete(fd);
    assertEquals(system.close(fd), 0);
  }

  [Symbol.dispose](): void {
    this.close(...this.#open);
  }
}

const SYMBOLS = {
  // int close(int fildes);
  close: { parameters: ["i32"], result: "i32" },
  // int dup2(int fildes, int fildes2);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int listen(int socket, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int fcntl(int fildes, int cmd, ... /* int least */); Linux alone takes it as declared.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int getpagesize(void);
  getpagesize: { parameters: [], result: "i32" },
  // int getrlimit(int resource, struct rlimit *rlp);
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlp);
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

type System = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** The C library's own calls, past the module. */
let system: System;

/** Opens the C library for this file. */
export function openSystem(): void {
  system = openSystemLibrary(SYMBOLS).symbols;
}

/** Some bytes, all zero. */
export function bytes(count: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(count);
}

/** Sends so many bytes, all of them at once. */
export function send(fd: number, count: number): void {
  assertEquals(posix.send(fd, bytes(count)), count);
}

/** Receives just so many bytes, that are there. */
export function receive(fd: number, count: number): void {
  assertEquals(posix.recv(fd, bytes(count)), count);
}

/** Writes so many bytes to a pipe or file. */
export function write(fd: number, count: number): void {
  assertEquals(posix.write(fd, bytes(count)), count);
}

/** Reads just so many bytes from a pipe or file. */
export function read(fd: number, count: number): void {
  assertEquals(posix.read(fd, bytes(count)), count);
}

const chunk = bytes(65536);

/** Sends until a stream socket takes no more. Gives the bytes. */
export function fill(fd: number): number {
  let total = 0;
  for (;;) {
    const count = posix.send(fd, chunk);
    if (count === null) return total;
    total += count;
  }
}

/** Receives all that is there from a stream socket. Gives the bytes. */
export function drain(fd: number): number {
  let total = 0;
  for (;;) {
    const count = posix.recv(fd, chunk);
    if (count === null || count === 0) return total;
    total += count;
  }
}

/** The bytes that a pipe which was full must lose before WRITE fires: PIPE_BUF, but Linux frees no less than a page. */
export function leastRoom(): number {
  return Deno.build.os === "darwin" ? 512 : system.getpagesize();
}

/** Writes to a pipe until it takes no more, never more than it has room for. Gives the bytes. */
export function fillPipe(writer: number): number {
  using kq = new Kqueue();
  kq.apply({ ident: writer, filter: EVFILT_WRITE, flags: EV_ADD });
  let total = 0;
  for (;;) {
    const events = kq.poll();
    if (events.length === 0) return total;
    total += posix.write(writer, bytes(events.dataNumber(0))) ?? 0;
  }
}

/** Waits until a descriptor is readable: what comes over TCP takes a moment. */
export function awaitReadable(fd: number): void {
  using kq = new Kqueue();
  kq.apply({ ident: fd, filter: EVFILT_READ, flags: EV_ADD });
  assertEquals(kq.wait(PATIENCE).length, 1, `nothing came to ${fd}`);
}

const AF_INET = 2;
const SOCK_STREAM = 1;

/** A TCP socket that is neither connected nor listens. */
export function openTcp(): number {
  const fd = system.socket(AF_INET, SOCK_STREAM, 0);
  assert(fd !== -1);
  return fd;
}

/** Has a socket listen, on a port that the system chooses. Gives the port. */
export function listenOn(fd: number): number {
  assertEquals(system.listen(fd, 5), 0);
  return posix.getsockname(fd).port;
}

const F_GETFD = 1;
const F_DUPFD_CLOEXEC = 1030;

/** Whether a number is open, to whomever it belongs. */
export function isOpen(fd: number): boolean {
  return system.fcntl(fd, F_GETFD, 0) !== -1;
}

/** The lowest number that is free: on Linux of those from `least` on, and on macOS of all. */
export function lowestFree(least = 0): number {
  const fd = Deno.build.os === "linux"
    ? system.fcntl(1, F_DUPFD_CLOEXEC, least)
    : posix.dup(1);
  posix.close(fd);
  return fd;
}

/** Of <sys/resource.h>. */
const RLIMIT_NOFILE = Deno.build.os === "darwin" ? 8 : 7;

/** Takes every descriptor that this process may have, calls `use`, and gives them back. */
export function outOfDescriptors(use: () => void): void {
  const limit = new BigUint64Array(2);
  assertEquals(system.getrlimit(RLIMIT_NOFILE, limit), 0);
  const [before] = limit;
  using fds = new Descriptors();
  const highest = fds.dup(1);
  limit[0] = BigInt(highest + 8);
  assertEquals(system.setrlimit(RLIMIT_NOFILE, limit), 0);
  try {
    takeAll(fds);
    use();
  } finally {
    limit[0] = before;
    assertEquals(system.setrlimit(RLIMIT_NOFILE, limit), 0);
  }
}

function takeAll(fds: Descriptors): void {
  for (;;) {
    try {
      fds.dup(1);
    } catch (error) {
      if (error instanceof posix.SystemError && error.code === "EMFILE") return;
      throw error;
    }
  }
}

/** A path that nothing has. Whoever makes a file there removes it. */
export function temporaryPath(): string {
  return `/tmp/kqueue-semantics-${posix.getpid()}-${paths++}`;
}

let paths = 0;
