import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_DELETE,
  kevProc,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_SIGNAL,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from "../../mod.ts";
import { kill } from "../../posix.ts";
import { assertCode, only, openQueue } from "./calls.ts";
import {
  assertExit,
  assertStatus,
  Child,
  exitStatus,
  mayKill,
  mayRun,
  Program,
  SharedFile,
  SIGKILL,
} from "./proc.ts";
import { IS_LINUX } from "../system.ts";

describe("EVFILT_PROC: status and what else there is", () => {
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

  for (const code of [0, 7]) {
    it(`R82 the status ${code} of a zombie that is somebody else's child`, () => {
      using kq = openQueue();
      using gate = new SharedFile();
      using file = new SharedFile();
      const script = `sh -c '${gate.gate}; exit ${code}'`;
      using _parent = Child.negligent(script, file);
      const pid = file.awaitNumber();
      kq.apply(exitStatus(pid));
      gate.openGate();
      const event = only(kq.wait());
      assertExit(event, pid);
      assertStatus(event, code << 8);
    });
  }

  it("R82 the status of a zombie that a signal killed, whatever its name", () => {
    using kq = openQueue();
    using program = new Program("x) Z 1 (y", "while :; do sleep 0.01; done");
    using file = new SharedFile();
    using _parent = Child.negligent(`'${program.path}'`, file);
    const pid = file.awaitNumber();
    kq.apply(exitStatus(pid));
    kill(pid, "SIGUSR1");
    const event = only(kq.wait());
    assertExit(event, pid);
    assertStatus(event, constants.signals.SIGUSR1);
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
