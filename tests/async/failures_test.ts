import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertRejects,
} from "@std/assert";
import { constants } from "node:os";
import { KEVENT_FLAG_IMMEDIATE, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { close, dup, SystemError } from "../../posix.ts";
import { describeOverDarwin } from "../ffi/darwin_hooks.ts";
import { only, PATIENCE } from "../semantics/calls.ts";
import { isPending, it, pause, soon, triggered, turn } from "./support.ts";

const { EBADF, EINTR, EINVAL, EIO, EMFILE, ENOMEM } = constants.errno;

// Opened before the tests, whose sanitizers would take the library for a leak.
close(dup(1));

describeOverDarwin("waitAsync over the C library", (darwin) => {
  const { hooks } = darwin;

  /** Waits until another call of poll has begun on the other thread. */
  async function away(before: number): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (hooks.polls() === before) {
      assertLess(performance.now(), deadline, "the wait did not begin");
      await turn();
    }
  }

  /** Begins a wait and lets it get to the other thread. */
  async function begin(
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<{ waiting: ReturnType<Kqueue["waitAsync"]> }> {
    const before = hooks.polls();
    const waiting = darwin.kq.waitAsync(options);
    await away(before);
    return { waiting };
  }

  it("takes what is ready in one call that cannot wait", async () => {
    darwin.kq.apply(triggered(1));
    const calls = hooks.calls();
    assertEquals((await darwin.kq.waitAsync()).length, 1);
    assertEquals(hooks.calls() - calls, 1);
    assertEquals(hooks.lastCall().flags, KEVENT_FLAG_IMMEDIATE);
  });

  it("does not leave this thread with a timeout of 0", async () => {
    const polls = hooks.polls();
    assertEquals((await darwin.kq.waitAsync({ timeoutMs: 0 })).length, 0);
    assertEquals(hooks.polls(), polls);
  });

  it("collects no events on the other thread", async () => {
    const { waiting } = await begin();
    darwin.kq.apply(triggered(1));
    await soon(waiting);
    const { changes, events, flags } = hooks.lastCall();
    assertEquals([changes, events, flags], [0, 5, KEVENT_FLAG_IMMEDIATE]);
  });

  it("polls the queues that wait and one descriptor of its own", async () => {
    const queues = Array.from({ length: 7 }, () => new Kqueue());
    const before = hooks.polls();
    const waits = queues.map((kq) => kq.waitAsync());
    await away(before);
    await pause();
    assertEquals(hooks.lastPoll(), 8);
    for (const kq of queues) kq.apply(triggered(1));
    for (const events of await soon(Promise.all(waits))) {
      assertEquals(events.length, 1);
    }
    for (const kq of queues) kq.close();
  });

  it("goes on after EINTR, for as long as it was to wait", async () => {
    for (let i = 0; i < 5; i++) hooks.failNextWait(EINTR, 5);
    const start = performance.now();
    const waiting = darwin.kq.waitAsync({ timeoutMs: 150 });
    await pause(60);
    assert(await isPending(waiting));
    assertEquals((await soon(waiting)).length, 0);
    assertGreaterOrEqual(performance.now() - start, 150);
  });

  it("takes what became ready while it was interrupted", async () => {
    darwin.kq.apply(kevUser(1));
    hooks.failNextWait(EINTR, 60);
    const { waiting } = await begin();
    darwin.kq.trigger(1, { udata: 3 });
    assertEquals(only((await soon(waiting)).toArray()).udata, 3n);
  });

  it("is not late though the other thread cannot be called back", async () => {
    hooks.failNextWait(EINTR, 200);
    const { waiting } = await begin({ timeoutMs: 10 });
    const before = hooks.polls();
    assertEquals((await soon(waiting)).length, 0);
    assertEquals(hooks.polls(), before);
    // Its call is still under way, and ends before the failure could meet another one.
    while (hooks.clearFailures() > 0);
    await pause(250);
  });

  for (const [code, errno] of Object.entries({ EINVAL, EIO, ENOMEM })) {
    it(`tells the errno of a poll that failed there: ${code}`, async () => {
      hooks.failNextWait(errno, 20);
      const { waiting } = await begin();
      // It stays on that thread; asked again, the call says it once more.
      hooks.failNext(errno);
      const error = await assertRejects(() => soon(waiting), SystemError);
      assertEquals(
        [error.code, error.errno, error.syscall],
        [code, errno, "poll"],
      );
      // The queue itself is none the worse.
      darwin.kq.apply(triggered(1));
      assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
    });

    it(`goes on where the poll is in order again after ${code}`, async () => {
      darwin.kq.apply(kevTimer(1, 60));
      hooks.failNextWait(errno, 5);
      assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
    });
  }

  for (
    const [code, errno] of Object.entries({ EBADF, EINVAL, EMFILE, ENOMEM })
  ) {
    it(`tells the errno of each call on the way to the other thread: ${code}`, async () => {
      for (let before = 0; before < 2; before++) {
        using kq = new Kqueue();
        for (let i = 0; i < before; i++) hooks.failNext(0);
        hooks.failNext(errno);
        const waiting = kq.waitAsync({ timeoutMs: 30 });
        const error = await assertRejects(() => soon(waiting), SystemError);
        assertInstanceOf(error, SystemError);
        assertEquals([error.code, error.syscall], [code, "kevent64"]);
        // The wait is over for the queue as well.
        kq.apply(triggered(1));
        assertEquals((await kq.waitAsync()).length, 1);
      }
    });
  }

  it("tells that there is no memory to wait with", async () => {
    // More than there has been room for so far.
    const queues = Array.from({ length: 300 }, () => new Kqueue());
    hooks.failNextMalloc();
    const waits = queues.map((kq) => kq.waitAsync());
    const error = await assertRejects(() => soon(waits[0]), SystemError);
    assertEquals(error.code, "ENOMEM");
    for (const kq of queues) kq.close();
    await soon(Promise.allSettled(waits));
    darwin.kq.apply(triggered(1));
    assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
  });

  it("tells all that wait of a poll that failed, and each waits anew", async () => {
    using other = new Kqueue();
    hooks.failNextWait(EIO, 40);
    const { waiting } = await begin();
    const waits = [waiting, other.waitAsync()];
    await pause(5);
    hooks.failNext(EIO);
    for (const result of await soon(Promise.allSettled(waits))) {
      assertEquals(result.status, "rejected");
    }
    darwin.kq.apply(triggered(1));
    assertEquals((await soon(darwin.kq.waitAsync())).length, 1);
  });

  it("R104 leaves out the last of more than poll takes, and the others wait", async () => {
    using other = new Kqueue();
    const { waiting } = await begin();
    // Both are waited for in one call from the next on.
    const joined = hooks.polls();
    const last = other.waitAsync();
    await away(joined);
    while (hooks.lastPoll() < 3) await turn();
    // The one after that is refused.
    hooks.failNextWait(EINVAL, 200);
    using third = new Kqueue();
    const before = hooks.polls();
    const refused = third.waitAsync();
    await away(before);
    hooks.failNext(EINVAL); // asked again, it is refused once more
    const error = await assertRejects(() => soon(refused), SystemError);
    assertEquals([error.code, error.syscall], ["EINVAL", "poll"]);
    assert(await isPending(waiting));
    assert(await isPending(last));
    other.apply(triggered(1));
    assertEquals((await soon(last)).length, 1);
    darwin.kq.apply(triggered(1));
    assertEquals((await soon(waiting)).length, 1);
  });

  it("tells an abort at once, though the poll fails as well", async () => {
    hooks.failNextWait(EIO, 40);
    const controller = new AbortController();
    const { waiting } = await begin({ signal: controller.signal });
    controller.abort();
    await assertRejects(() => soon(waiting), DOMException);
    await pause(60);
  });
});
