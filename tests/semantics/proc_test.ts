import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  type Kevent,
  kevProc,
  NOTE_EXIT,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";

import {
  assertExit,
  assertStatus,
  Child,
  exitStatus,
  gettid,
  NO_PID,
  SharedFile,
  SIGKILL,
  SIGTERM,
} from "./proc.ts";
import { IS_LINUX } from "../system.ts";

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
});
