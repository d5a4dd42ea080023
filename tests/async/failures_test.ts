import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { constants } from "node:os";
import { KEVENT_FLAG_IMMEDIATE, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { close, dup, SystemError } from "../../posix.ts";
import { describeOverDarwin } from "../darwin_hooks.ts";
import { only, PATIENCE } from "../semantics/calls.ts";
import { isPending, it, pause, soon, triggered, turn } from "./support.ts";

const { EBADF, EINTR, EINVAL, EIO, ENOMEM } = constants.errno;

// Opened before the tests, whose sanitizers would take the library for a leak.
close(dup(1));

describeOverDarwin("waitAsync over the C library", (darwin) => {
  const { hooks } = darwin;

  /** The timeout of the last call in milliseconds, Infinity for a null pointer. */
  function lastTimeout(): number {
    const { timeout } = hooks.lastCall();
    if (timeout === null) return Infinity;
    return Number(timeout.sec) * 1000 + Number(timeout.nsec) / 1e6;
  }

  /** Waits until the wait on the other thread has begun: a call with room for events that may wait. */
  async function away(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const { changes, events, flags } = hooks.lastCall();
      if (changes === 0 && events > 0 && flags === 0) break;
      assertLess(performance.now(), deadline, "the wait did not begin");
      await turn();
    }
    await pause(5);
  }

  it("takes what is ready in one call that cannot wait", async () => {
    darwin.kq.apply(triggered(1));
    const calls = hooks.calls();
    assertEquals((await darwin.kq.waitAsync()).length, 1);
    assertEquals(hooks.calls() - calls, 1);
    assertEquals(hooks.lastCall().flags, KEVENT_FLAG_IMMEDIATE);
  });

  it("does not leave this thread with a timeout of 0", async () => {
    assertEquals((await darwin.kq.waitAsync({ timeoutMs: 0 })).length, 0);
    assertEquals(hooks.lastCall().flags, KEVENT_FLAG_IMMEDIATE);
  });

  it("waits with what is left of its timeout, or for ever without one", async () => {
    for (const timeoutMs of [150, Infinity, -1, 1e12]) {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = darwin.kq.waitAsync({ timeoutMs, signal });
      await away();
      const { changes, events, kq } = hooks.lastCall();
      assertEquals([changes, events, kq], [0, 5, darwin.kq.fd]);
      if (timeoutMs === 150) {
        assertGreater(lastTimeout(), 0);
        assertLessOrEqual(lastTimeout(), 150.01);
      } else if (timeoutMs === 1e12) {
        // No macOS takes longer ones.
        assertEquals(lastTimeout(), 1e11);
      } else {
        assertEquals(lastTimeout(), Infinity);
      }
      controller.abort();
      await assertRejects(() => soon(waiting), DOMException);
    }
  });

  it("goes on after EINTR, with the time that is left", async () => {
    hooks.failNextWait(EINTR, 60);
    const start = performance.now();
    const waiting = darwin.kq.waitAsync({ timeoutMs: 300 });
    await pause(80);
    assert(await isPending(waiting));
    await away();
    assertGreater(lastTimeout(), 0);
    assertLessOrEqual(lastTimeout(), 240.01);
    assertEquals((await soon(waiting)).length, 0);
    assertGreaterOrEqual(performance.now() - start, 300);
  });

  it("goes on after EINTR as often as it comes, and for ever without a timeout", async () => {
    darwin.kq.apply(kevTimer(1, 100));
    for (let i = 0; i < 5; i++) hooks.failNextWait(EINTR, 5);
    const waiting = darwin.kq.waitAsync();
    await pause(60);
    await away();
    assertEquals(lastTimeout(), Infinity);
    assertEquals(only((await soon(waiting)).toArray()).ident, 1n);
  });

  it("takes an EINTR that outlasts it for the end of its time", async () => {
    hooks.failNextWait(EINTR, 40);
    const start = performance.now();
    assertEquals((await darwin.kq.waitAsync({ timeoutMs: 20 })).length, 0);
    assertGreaterOrEqual(performance.now() - start, 40);
  });

  it("takes what became ready while it was interrupted", async () => {
    darwin.kq.apply(kevUser(1));
    hooks.failNextWait(EINTR, 60);
    const waiting = darwin.kq.waitAsync();
    await away();
    darwin.kq.trigger(1, { udata: 3 });
    assertEquals(only((await soon(waiting)).toArray()).udata, 3n);
  });

  for (const [code, errno] of Object.entries({ EBADF, EINVAL, EIO, ENOMEM })) {
    it(`tells the true errno of a wait that failed there: ${code}`, async () => {
      hooks.failNextWait(errno, 60);
      const waiting = darwin.kq.waitAsync();
      await away();
      // It stays on that thread; asked again, the queue says it once more.
      hooks.failNext(errno);
      const error = await assertRejects(() => soon(waiting), SystemError);
      assertEquals(
        [error.code, error.errno, error.syscall],
        [code, errno, "kevent64"],
      );
      // The queue itself is none the worse.
      darwin.kq.apply(triggered(1));
      assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
    });

    it(`goes on where the queue is in order again after ${code}`, async () => {
      darwin.kq.apply(kevTimer(1, 60));
      hooks.failNextWait(errno, 5);
      assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
    });

    it(`tells the errno of its poll: ${code}`, async () => {
      hooks.failNext(errno);
      const waiting = darwin.kq.waitAsync();
      const error = await assertRejects(() => soon(waiting), SystemError);
      assertEquals([error.code, error.syscall], [code, "kevent64"]);
      darwin.kq.apply(triggered(1));
      assertEquals((await darwin.kq.waitAsync()).length, 1);
    });

    it(`tells the errno of each call on the way to the other thread: ${code}`, async () => {
      let installs = 0;
      for (let before = 0; before < 6; before++) {
        using kq = new Kqueue();
        for (let i = 0; i < before; i++) hooks.failNext(0);
        hooks.failNext(errno);
        const outcome = await soon(
          kq.waitAsync({ timeoutMs: 30 }).then(
            (events) => events.length,
            (error) => error,
          ),
        );
        hooks.clearFailures();
        // Where the call was that thread's own, it is asked again and the wait goes on.
        if (outcome === 0) continue;
        assertInstanceOf(outcome, SystemError);
        assertEquals([outcome.code, outcome.syscall], [code, "kevent64"]);
        if (hooks.lastCall().changes === 1) installs++;
        // The wait is over for the queue as well.
        kq.apply(triggered(1));
        assertEquals((await kq.waitAsync()).length, 1);
      }
      assertGreater(installs, 0, "the waker's installation was not among them");
    });
  }

  it("tells an abort, though the wait failed as well", async () => {
    hooks.failNextWait(EIO, 40);
    const controller = new AbortController();
    const waiting = darwin.kq.waitAsync({ signal: controller.signal });
    await away();
    controller.abort();
    await assertRejects(() => soon(waiting), DOMException);
  });
});
