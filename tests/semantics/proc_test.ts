import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  type Kevent,
  kevProc,
  kevRead,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_FORK,
  NOTE_SIGNAL,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { Descriptors, temporaryPath } from "./descriptors.ts";

const IS_LINUX = Deno.build.os === "linux";
const { SIGKILL, SIGTERM } = constants.signals;

/** More than any system numbers its processes. */
const NO_PID = 0x7fff_fffe;
const STATUS = (NOTE_EXIT | NOTE_EXITSTATUS) >>> 0;

const P_PID = 1;
const WEXITED = 4;
const WNOWAIT = IS_LINUX ? 0x0100_0000 : 0x20;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
const { waitid, gettid } = openSystemLibrary({
  // pid_t gettid(void); Linux alone has it.
  gettid: { parameters: [], result: "i32", optional: true },
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
}).symbols;
posix.close(posix.dup(1));

/** A child, ended and reaped after the test if the test did not. */
class Child implements Disposable {
  readonly pid: number;
  #isReaped = false;

  constructor(...argv: string[]) {
    this.pid = posix.spawn(argv);
  }

  /** One that runs until it is killed. */
  static sleeper(): Child {
    return new Child("sleep", "1000");
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

/** A file that a test and its children write and read; removed after the test. */
class SharedFile extends Descriptors {
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
function assertExit({ ident, filter, flags, fflags }: Kevent, pid: number) {
  assertEquals([ident, filter], [BigInt(pid), EVFILT_PROC]);
  assertEquals(flags & (EV_EOF | EV_ONESHOT), EV_EOF | EV_ONESHOT);
  assert((fflags & NOTE_EXIT) !== 0);
}

/** Asserts that an event brings a status; where it may be unknown, none will do. */
function assertStatus(event: Kevent, status: number, isKnown = true): void {
  const { fflags, data } = event;
  if (!isKnown && fflags === NOTE_EXIT) assertEquals(data, 0n);
  else assertEquals([fflags, data], [STATUS, BigInt(status)]);
}

const exitStatus = (pid: number) => kevProc(pid, { fflags: STATUS });

/** Whether this process may signal another. */
function mayKill(pid: number): boolean {
  try {
    posix.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether Deno itself may start a shell. */
function mayRun(): boolean {
  const descriptor = { name: "run", command: "sh" } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

describe("EVFILT_PROC", () => {
  it("R80 a process that is not there is ESRCH", () => {
    using kq = openQueue();
    assertCode(() => kq.apply(kevProc(NO_PID)), "ESRCH");
    assertCode(() => kq.apply(exitStatus(NO_PID)), "ESRCH");
    const flags = EV_DELETE;
    assertCode(() => kq.apply(kevProc(NO_PID, { flags })), "ENOENT");
  });

  it("R80 a process that was reaped is ESRCH", () => {
    using kq = openQueue();
    using child = new Child("true");
    child.reap();
    assertCode(() => kq.apply(kevProc(child.pid)), "ESRCH");
  });

  it("R80 a zombie is ESRCH", () => {
    using kq = openQueue();
    using child = new Child("true");
    child.awaitZombie();
    assertCode(() => kq.apply(kevProc(child.pid)), "ESRCH");
    assertCode(() => kq.apply(exitStatus(child.pid)), "ESRCH");
  });

  it("R80 a thread's number is ESRCH", { ignore: !IS_LINUX }, () => {
    using kq = openQueue();
    const tid = gettid?.() ?? posix.getpid();
    // Deno runs tests on threads of their own.
    if (tid !== posix.getpid()) {
      assertCode(() => kq.apply(kevProc(tid)), "ESRCH");
    }
  });

  it("R80 a process that is no child can be watched", () => {
    using kq = openQueue();
    kq.apply(kevProc(Deno.ppid, { udata: 1 }), kevProc(posix.getpid()));
    assertEquals(kq.poll(), []);
    kq.apply(
      kevProc(Deno.ppid, { flags: EV_DELETE }),
      kevProc(posix.getpid(), { flags: EV_DELETE }),
    );
  });

  it("R80 the exit of a grandchild is reported", () => {
    using kq = openQueue();
    using file = new SharedFile();
    const script = `sleep 1000 & echo $! > ${file.path}; wait`;
    using _child = new Child("sh", "-c", script);
    const pid = file.awaitNumber();
    kq.apply({ ...exitStatus(pid), udata: 2 });
    assertEquals(kq.poll(), []);
    posix.kill(pid, "SIGTERM");
    const event = only(kq.wait());
    assertExit(event, pid);
    assertEquals(event.udata, 2n);
    assertStatus(event, SIGTERM, !IS_LINUX);
  });

  it("R81 NOTE_EXIT fires once with EV_EOF and EV_ONESHOT", () => {
    using kq = openQueue();
    using child = Child.sleeper();
    const { pid } = child;
    kq.apply(kevProc(pid, { udata: 2n ** 64n - 1n }));
    assertEquals(kq.poll(), []);
    child.kill();
    const event = only(kq.wait());
    assertExit(event, pid);
    assertEquals([event.fflags, event.data], [NOTE_EXIT, 0n]);
    assertEquals(event.udata, 2n ** 64n - 1n);
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(kevProc(pid, { flags: EV_DELETE })), "ENOENT");
  });

  it("R81 an exit wakes a wait that is going on", () => {
    using kq = openQueue();
    using child = Child.sleeper();
    kq.apply(kevProc(child.pid));
    using _killer = new Child("sh", "-c", `sleep 0.1; kill ${child.pid}`);
    assertExit(only(kq.wait()), child.pid);
  });

  it("R81 each of many processes is reported once", () => {
    using kq = openQueue();
    const children = Array.from({ length: 20 }, () => Child.sleeper());
    const pids = children.map(({ pid }) => pid);
    kq.apply(...pids.map((pid) => kevProc(pid)));
    for (const pid of pids) posix.kill(pid, "SIGKILL");
    const seen: Kevent[] = [];
    while (seen.length < pids.length) {
      const events = kq.wait();
      assert(events.length > 0, `${seen.length} of ${pids.length} came`);
      seen.push(...events);
    }
    assertEquals(idents(seen), pids.sort((a, b) => a - b));
    assertEquals(kq.poll(), []);
    for (const child of children) child[Symbol.dispose]();
  });

  it("R81 each queue has a watcher of its own", () => {
    using first = openQueue();
    using second = openQueue();
    using child = Child.sleeper();
    first.apply(kevProc(child.pid));
    second.apply(exitStatus(child.pid));
    child.kill();
    assertExit(only(first.wait()), child.pid);
    assertStatus(only(second.wait()), SIGKILL);
  });

  it("R15 an exit while it is disabled is reported when it is enabled", () => {
    using kq = openQueue();
    using other = openQueue();
    using child = Child.sleeper();
    const { pid } = child;
    kq.apply(kevProc(pid, { flags: EV_ADD | EV_DISABLE }));
    other.apply(kevProc(pid));
    child.kill();
    assertEquals(other.wait().length, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevProc(pid, { flags: EV_ENABLE }));
    assertExit(only(kq.wait()), pid);
  });

  for (
    const [mode, flags] of Object.entries({ EV_ONESHOT, EV_CLEAR, EV_DISPATCH })
  ) {
    it(`R81 it is gone after the exit with ${mode} as well`, () => {
      using kq = openQueue();
      using child = Child.sleeper();
      const { pid } = child;
      kq.apply(kevProc(pid, { flags: EV_ADD | flags }));
      child.kill();
      assertExit(only(kq.wait()), pid);
      for (const flags of [EV_ENABLE, EV_DELETE]) {
        assertCode(() => kq.apply(kevProc(pid, { flags })), "ENOENT");
      }
    });
  }

  it("R81 a change without NOTE_EXIT disarms it, one with it arms it again", () => {
    using kq = openQueue();
    using other = openQueue();
    using child = Child.sleeper();
    using second = Child.sleeper();
    kq.apply(kevProc(child.pid), kevProc(second.pid));
    kq.apply(
      kevProc(child.pid, { fflags: 0 }),
      kevProc(second.pid, { fflags: 0 }),
      kevProc(second.pid, { udata: 9 }),
    );
    other.apply(kevProc(child.pid), kevProc(second.pid));
    child.kill();
    assertEquals(idents(other.wait()), [child.pid]);
    assertEquals(kq.poll(), []);
    second.kill();
    const event = only(kq.wait());
    assertExit(event, second.pid);
    assertEquals(event.udata, 9n);
    assertEquals(kq.poll(), []);
  });

  for (const code of [0, 1, 3, 127, 255]) {
    it(`R82 the status of a child that exits with ${code}`, () => {
      using kq = openQueue();
      using file = new SharedFile();
      using child = new Child("sh", "-c", `${file.gate}; exit ${code}`);
      kq.apply(exitStatus(child.pid));
      file.openGate();
      const event = only(kq.wait());
      assertExit(event, child.pid);
      assertStatus(event, code << 8);
      assertEquals(child.reap(), code << 8);
    });
  }

  for (const signal of ["SIGKILL", "SIGTERM", "SIGUSR1"] as const) {
    it(`R82 the status of a child that ${signal} kills`, () => {
      using kq = openQueue();
      using child = Child.sleeper();
      kq.apply(exitStatus(child.pid));
      child.kill(signal);
      const event = only(kq.wait());
      assertExit(event, child.pid);
      assertStatus(event, constants.signals[signal]);
      // Nobody's child was reaped by looking at it.
      assertEquals(child.reap(), constants.signals[signal]);
    });
  }

  it("R82 the status of a process that one may not signal is EACCES", {
    ignore: mayKill(1),
  }, () => {
    using kq = openQueue();
    assertCode(() => kq.apply(exitStatus(1)), "EACCES");
    assertCode(() => kq.apply(kevProc(1, { flags: EV_DELETE })), "ENOENT");
    kq.apply(kevProc(1));
    assertEquals(kq.poll(), []);
  });

  it("R82 the status of a child that was reaped before the call", () => {
    using kq = openQueue();
    using child = Child.sleeper();
    kq.apply(exitStatus(child.pid));
    child.kill();
    assertEquals(child.reap(), SIGKILL);
    const event = only(kq.wait());
    assertExit(event, child.pid);
    assertStatus(event, SIGKILL, !IS_LINUX);
  });

  it("R82 the status of a child that Deno reaps", {
    ignore: !mayRun(),
  }, async () => {
    using kq = openQueue();
    const child = new Deno.Command("sh", {
      args: ["-c", "read line; exit 7"],
      stdin: "piped",
    }).spawn();
    kq.apply(exitStatus(child.pid));
    await child.stdin.close();
    const { code } = await child.status;
    assertEquals(code, 7);
    const event = only(kq.wait());
    assertExit(event, child.pid);
    assertStatus(event, 7 << 8, !IS_LINUX);
  });

  for (
    const [name, fflags] of Object.entries({
      NOTE_TRACK,
      NOTE_TRACKERR,
      NOTE_CHILD,
    })
  ) {
    it(`R83 ${name} is ENOTSUP`, () => {
      using kq = openQueue();
      using child = Child.sleeper();
      const { pid } = child;
      assertCode(() => kq.apply(kevProc(pid, { fflags })), "ENOTSUP");
      const both = NOTE_EXIT | fflags;
      assertCode(() => kq.apply(kevProc(pid, { fflags: both })), "ENOTSUP");
      assertCode(() => kq.apply(kevProc(pid, { flags: EV_DELETE })), "ENOENT");
    });
  }

  for (
    const [name, fflags] of Object.entries({
      NOTE_FORK,
      NOTE_EXEC,
      NOTE_SIGNAL,
    })
  ) {
    it(`R83 ${name} is ENOTSUP`, { ignore: !IS_LINUX }, () => {
      using kq = openQueue();
      using child = Child.sleeper();
      const { pid } = child;
      assertCode(() => kq.apply(kevProc(pid, { fflags })), "ENOTSUP");
      kq.apply(kevProc(pid));
      const both = NOTE_EXIT | fflags;
      assertCode(() => kq.apply(kevProc(pid, { fflags: both })), "ENOTSUP");
      child.kill();
      assertExit(only(kq.wait()), pid);
    });
  }
});
