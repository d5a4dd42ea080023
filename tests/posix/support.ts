/** What the tests of posix.ts share: descriptors that are closed, and files that are removed, after each test. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { kevRead, Kqueue } from "../../mod.ts";
import {
  accept,
  close,
  connect,
  creat,
  dup,
  getpid,
  listen,
  read,
  spawn,
  SystemError,
  unlink,
  waitpid,
  write,
} from "../../posix.ts";

export const PATIENCE_MS = 10_000;
/** A descriptor that no test ever opens. */
export const NOT_OPEN = 999_999;

export const encoder = new TextEncoder();
export const decoder = new TextDecoder();

// The libraries stay open for good: opened here, they are no leak of the test that comes first.
getpid();
new Kqueue().close();

const openFds = new Set<number>();
/** What to do after the test, the last first. */
export const cleanups: (() => void)[] = [];
let paths = 0;

/** Has descriptors closed after the test. */
export function kept<T extends number | number[]>(fds: T): T {
  for (const fd of [fds].flat()) openFds.add(fd);
  return fds;
}

/** Closes a descriptor before the test is over. */
export function closeNow(fd: number): void {
  openFds.delete(fd);
  close(fd);
}

/** A path that nothing has; what the test puts there is removed after it. */
export function temporaryPath(): string {
  const path = `/tmp/kqueue-posix-test-${getpid()}-${paths++}`;
  cleanups.push(() => unlink(path));
  return path;
}

export function temporaryFile(text = ""): { path: string; fd: number } {
  const path = temporaryPath();
  const fd = kept(creat(path));
  write(fd, encoder.encode(text));
  return { path, fd };
}

export function readText(fd: number): string {
  const buffer = new Uint8Array(4096);
  return decoder.decode(buffer.subarray(0, read(fd, buffer) ?? 0));
}

/** Waits until there is something to read, or a connection to accept. */
export function awaitReadable(fd: number): void {
  using kq = new Kqueue();
  kq.apply(kevRead(fd));
  assertEquals(kq.wait(PATIENCE_MS).length, 1, `nothing came to ${fd}`);
}

export function acceptOne(fd: number): number {
  awaitReadable(fd);
  const accepted = accept(fd);
  assert(accepted !== null);
  return kept(accepted);
}

export function tcpPair(
  address = "127.0.0.1",
): [client: number, server: number] {
  const listener = listen({ address });
  kept(listener.fd);
  const client = kept(connect({ address, port: listener.port }));
  return [client, acceptOne(listener.fd)];
}

/** The exit code of a program that ran to its end. */
export function run(argv: string[], env?: Record<string, string>): number {
  const ended = waitpid(spawn(argv, env === undefined ? {} : { env }));
  assertEquals(ended && ended.status & 0x7f, 0, `${argv} was killed`);
  return ended === null ? -1 : ended.status >> 8;
}

/** The lowest descriptor that is free: the same before and after what leaks none. */
export function lowestFree(): number {
  const fd = dup(1);
  close(fd);
  return fd;
}

export function assertFails(
  call: () => unknown,
  syscall: string,
  ...codes: string[]
): void {
  const error = assertThrows(call, SystemError);
  assertEquals(error.syscall, syscall);
  assert(
    codes.includes(error.code),
    `${error.message}: not ${codes.join(" or ")}`,
  );
}

/** Closes what is {@linkcode kept} and removes what is at a {@linkcode temporaryPath}. */
export function cleanUp(): void {
  for (const fd of openFds) close(fd);
  openFds.clear();
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      cleanup();
    } catch (error) {
      // The test removed it itself.
      if (!(error instanceof SystemError && error.code === "ENOENT")) {
        throw error;
      }
    }
  }
}
