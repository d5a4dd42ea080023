import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  kevProc,
  kevUser,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, only, openQueue, type TestQueue } from "./calls.ts";

const { SIGKILL } = constants.signals;
const BOTH = (NOTE_EXIT | NOTE_EXITSTATUS) >>> 0;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
const { clock } = openSystemLibrary({
  // clock_t clock(void); counts in microseconds on both systems.
  clock: { parameters: [], result: "i64" },
}).symbols;
posix.close(posix.dup(1));

/** A child that runs until it is killed; ended and reaped after the test. */
class Child implements Disposable {
  readonly pid: number = posix.spawn(["sleep", "60"]);
  #isReaped = false;

  /** Kills it, and waits until it has exited. It is not reaped. */
  kill(): void {
    using kq = openQueue();
    kq.apply(kevProc(this.pid));
    posix.kill(this.pid, "SIGKILL");
    assertEquals(kq.wait().length, 1);
  }

  reap(): void {
    this.#isReaped = true;
    posix.waitpid(this.pid);
  }

  [Symbol.dispose](): void {
    if (this.#isReaped) return;
    posix.kill(this.pid, "SIGKILL");
    this.reap();
  }
}

const change = (ident: number | bigint, flags: number, fflags: number) => ({
  ident,
  filter: EVFILT_PROC,
  flags,
  fflags,
});

/** Asserts that a queue with nothing to report waits without keeping the processor busy. */
function assertIdle(kq: TestQueue): void {
  const spent = [1, 2, 3].map(() => {
    const before = clock();
    assertEquals(kq.wait(50), []);
    return Number(clock() - before);
  });
  assertLess(Math.min(...spent), 20_000, "µs of 50,000");
}

describe("what an exit reports", () => {
  it("R82 NOTE_EXITSTATUS by itself reports the exit", () => {
    using kq = openQueue();
    using child = new Child();
    kq.apply(change(child.pid, EV_ADD, NOTE_EXITSTATUS));
    child.kill();
    const { flags, fflags, data } = only(kq.wait());
    assertEquals([fflags, data], [NOTE_EXITSTATUS, BigInt(SIGKILL)]);
    assert((flags & (EV_EOF | EV_ONESHOT)) === (EV_EOF | EV_ONESHOT));
    assertCode(() => kq.apply(change(child.pid, EV_DELETE, 0)), "ENOENT");
  });

  for (const wanted of [NOTE_EXIT, BOTH]) {
    for (const fflags of [0, NOTE_EXIT, BOTH]) {
      const name = `0x${wanted.toString(16)}, then 0x${fflags.toString(16)}`;
      it(`R82 the set of the moment counts: ${name}`, () => {
        using kq = openQueue();
        using child = new Child();
        kq.apply(change(child.pid, EV_ADD, wanted));
        child.kill();
        kq.apply(change(child.pid, EV_ADD, fflags));
        const event = only(kq.wait());
        assertEquals(event.fflags, wanted);
        const status = wanted === BOTH ? SIGKILL : 0;
        assertEquals(event.data, BigInt(status));
      });
    }
  }

  it("R82 an exit that was not wanted is not reported to who wants it later", () => {
    using kq = openQueue();
    using child = new Child();
    kq.apply(change(child.pid, EV_ADD, 0));
    child.kill();
    kq.apply(change(child.pid, EV_ADD, BOTH));
    assertEquals(kq.poll(), []);
    kq.apply(change(child.pid, EV_DELETE, 0));
  });

  it("R82, R15 an exit while disabled is reported by an EV_ENABLE alone", () => {
    using kq = openQueue();
    using child = new Child();
    kq.apply(change(child.pid, EV_ADD | EV_DISABLE, BOTH));
    child.kill();
    assertEquals(kq.poll(), []);
    child.reap();
    kq.apply(change(child.pid, EV_ENABLE, 0));
    const { fflags, data } = only(kq.wait());
    assertEquals([fflags, data], [BOTH, BigInt(SIGKILL)]);
  });

  for (
    const [name, note] of Object.entries({
      NOTE_TRACK,
      NOTE_TRACKERR,
      NOTE_CHILD,
    })
  ) {
    it(`R83 ${name} is refused when it is added alone`, () => {
      using kq = openQueue();
      using child = new Child();
      const fflags = (NOTE_EXIT | note) >>> 0;
      assertCode(() => kq.apply(change(child.pid, EV_ADD, fflags)), "ENOTSUP");
      // Before it is looked for.
      assertCode(() => kq.apply(change(2 ** 31 - 2, EV_ADD, note)), "ENOTSUP");
      kq.apply(change(child.pid, EV_ADD, NOTE_EXIT));
      kq.apply(change(child.pid, EV_ADD, fflags));
      child.kill();
      assertEquals(only(kq.wait()).fflags, NOTE_EXIT);
    });
  }

  it("R80 the lower half of the ident is the pid", () => {
    using kq = openQueue();
    using child = new Child();
    const idents = [0n, 2n ** 32n, 2n ** 63n].map((high) =>
      high + BigInt(child.pid)
    );
    kq.apply(...idents.map((ident) => change(ident, EV_ADD, NOTE_EXIT)));
    assertCode(() => kq.apply(change(2n ** 32n - 1n, EV_ADD, 0)), "ESRCH");
    assertCode(() => kq.apply(change(2n ** 31n, EV_ADD, 0)), "ESRCH");
    child.kill();
    const seen = [];
    while (seen.length < 3) seen.push(...kq.wait().map(({ ident }) => ident));
    assertEquals(seen.sort((a, b) => a < b ? -1 : 1), idents);
  });

  it("R81 an exit that nobody is told of keeps no wait busy", () => {
    using kq = openQueue();
    using outer = openQueue();
    using disabled = new Child();
    using unwanted = new Child();
    outer.apply(kevUser(1));
    kq.apply(
      change(disabled.pid, EV_ADD | EV_DISABLE, NOTE_EXIT),
      change(unwanted.pid, EV_ADD, 0),
    );
    disabled.kill();
    unwanted.kill();
    assertEquals(kq.poll(), []);
    assertIdle(kq);
  });
});
