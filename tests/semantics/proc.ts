/** What the tests of EVFILT_PROC share. */
import { assert, assertEquals } from "@std/assert";
import { constants } from "node:os";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  type Kevent,
  kevProc,
  kevRead,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { IS_LINUX } from "../system.ts";
import { openQueue } from "./calls.ts";
import { Descriptors, temporaryPath } from "./descriptors.ts";

export const { SIGKILL, SIGTERM } = constants.signals;

/** More than any system numbers its processes. */
export const NO_PID = 0x7fff_fffe;
export const STATUS = (NOTE_EXIT | NOTE_EXITSTATUS) >>> 0;

/** Of <sys/wait.h>. */
export const P_PID = 1;
export const WEXITED = 4;
/** Of <sys/wait.h>, with another value on each system. */
export const WNOWAIT = IS_LINUX ? 0x0100_0000 : 0x20;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
export const { waitid, gettid } = openSystemLibrary({
  // pid_t gettid(void); Linux alone has it.
  gettid: { parameters: [], result: "i32", optional: true },
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
}).symbols;
posix.close(posix.dup(1));

/** A child, ended and reaped after the test if the test did not. */
export class Child implements Disposable {
  readonly pid: number;
  #isReaped = false;

  constructor(...argv: string[]) {
    this.pid = posix.spawn(argv);
  }

  /** One that runs until it is killed. */
  static sleeper(): Child {
    return new Child("sleep", "1000");
  }

  /** One that starts a child of its own, writes its number to a file, and never waits for it. */
  static negligent(command: string, file: SharedFile): Child {
    const start = `${command} & echo $! > ${file.path}`;
    return new Child("sh", "-c", `${start}; exec sleep 1000`);
  }

  kill(signal: Deno.Signal = "SIGKILL"): void {
    posix.kill(this.pid, signal);
  }

  /** Waits until it has exited, and leaves it a zombie. */
  awaitZombie(): void {
    const siginfo = new Uint8Array(128);
    assertEquals(waitid(P_PID, this.pid, siginfo, WEXITED | WNOWAIT), 0);
  }

  /** Waits until it has exited, and takes its status. */
  reap(): number {
    this.#isReaped = true;
    const ended = posix.waitpid(this.pid);
    assert(ended !== null);
    return ended.status;
  }

  [Symbol.dispose](): void {
    if (this.#isReaped) return;
    this.kill();
    this.reap();
  }
}

/** A shell script with a name; removed after the test. */
export class Program implements Disposable {
  readonly path: string;
  readonly #folder = temporaryPath();

  constructor(name: string, script: string) {
    this.path = `${this.#folder}/${name}`;
    posix.mkdir(this.#folder);
    const fd = posix.creat(this.path, 0o755);
    posix.write(fd, new TextEncoder().encode(`#!/bin/sh\n${script}\n`));
    posix.close(fd);
  }

  [Symbol.dispose](): void {
    posix.unlink(this.path);
    posix.rmdir(this.#folder);
  }
}

/** A file that a test and its children write and read; removed after the test. */
export class SharedFile extends Descriptors {
  readonly path = temporaryPath();
  readonly #fd: number;

  constructor() {
    super();
    this.keep(posix.creat(this.path));
    this.#fd = this.keep(posix.open(this.path, { read: true, write: true }));
  }

  /** A shell command that waits until {@linkcode openGate} is called. */
  get gate(): string {
    return `until [ -s ${this.path} ]; do sleep 0.01; done`;
  }

  openGate(): void {
    posix.write(this.#fd, new Uint8Array([10]));
  }

  /** The number on the file's only line, once it has been written. */
  awaitNumber(): number {
    using kq = openQueue();
    kq.apply(kevRead(this.#fd));
    const buffer = new Uint8Array(64);
    let text = "";
    while (!text.endsWith("\n")) {
      assertEquals(kq.wait().length, 1, "no number came");
      const count = posix.read(this.#fd, buffer) ?? 0;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return Number(text);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    posix.unlink(this.path);
  }
}

/** Asserts that it is the event of a process that has exited. */
export function assertExit(
  { ident, filter, flags, fflags }: Kevent,
  pid: number,
) {
  assertEquals([ident, filter], [BigInt(pid), EVFILT_PROC]);
  assertEquals(flags & (EV_EOF | EV_ONESHOT), EV_EOF | EV_ONESHOT);
  assert((fflags & NOTE_EXIT) !== 0);
}

/** Asserts that an event brings a status; where it may be unknown, none will do. */
export function assertStatus(
  event: Kevent,
  status: number,
  isKnown = true,
): void {
  const { fflags, data } = event;
  if (!isKnown && fflags === NOTE_EXIT) assertEquals(data, 0n);
  else assertEquals([fflags, data], [STATUS, BigInt(status)]);
}

export const exitStatus = (pid: number) => kevProc(pid, { fflags: STATUS });

/** Whether this process may signal another. */
export function mayKill(pid: number): boolean {
  try {
    posix.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether Deno itself may start a shell. */
export function mayRun(): boolean {
  const descriptor = { name: "run", command: "sh" } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}
