import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { close, kevRead, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { SystemError } from "../../posix.ts";
import { only, PATIENCE } from "../semantics/calls.ts";
import { Descriptors, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { block, it, pause, soon, triggered, turn } from "./support.ts";

const { BadResource } = Deno.errors;

const MOMENTS: readonly [string, () => unknown][] = [
  ["in the same turn", () => {}],
  ["a turn later", turn],
  ["while the other thread is asleep", pause],
];

describeKernels("a waitAsync and close()", () => {
  for (const [when, moment] of MOMENTS) {
    it(`the wait is rejected with BadResource, ${when}`, async () => {
      for (let i = 0; i < 20; i++) {
        const kq = new Kqueue();
        const waiting = kq.waitAsync();
        await moment();
        kq.close();
        await assertRejects(() => soon(waiting), BadResource, "closed");
      }
    });

    it(`the wait is rejected though an event has come, ${when}`, async () => {
      const kq = new Kqueue();
      kq.apply(kevUser(1));
      const waiting = kq.waitAsync();
      await moment();
      kq.trigger(1);
      block();
      kq.close();
      await assertRejects(() => soon(waiting), BadResource);
    });

    it(`every method but close() throws at once, ${when}`, async () => {
      const kq = new Kqueue();
      const waiting = kq.waitAsync();
      await moment();
      kq.close();
      assertEquals([kq.closed, kq.fd], [true, -1]);
      const uses = [
        () => kq.poll(),
        () => kq.wait(0),
        () => kq.apply(kevUser(1)),
        () => kq.trigger(1),
      ];
      for (const use of uses) assertThrows(use, BadResource);
      await assertRejects(() => kq.waitAsync(), BadResource);
      kq.close();
      await assertRejects(() => soon(waiting), BadResource);
      kq.close();
    });

    it(`leaving the block of a \`using\` closes it, ${when}`, async () => {
      let waiting: Promise<unknown>;
      {
        using kq = new Kqueue();
        waiting = kq.waitAsync();
        await moment();
      }
      await assertRejects(() => soon(waiting), BadResource);
    });

    it(`the number is free at once, ${when}`, async () => {
      using fds = new Descriptors();
      const lowest = fds.dup(1);
      fds.close(lowest);
      const kq = new Kqueue();
      assertEquals(kq.fd, lowest);
      const waiting = kq.waitAsync();
      await moment();
      kq.close();
      assertEquals(fds.dup(1), lowest);
      await assertRejects(() => soon(waiting), BadResource);
    });

    it(`a queue of Kqueue.fromFd() leaves the descriptor open, ${when}`, async () => {
      using kq = new Kqueue();
      const other = Kqueue.fromFd(kq.fd);
      const waiting = other.waitAsync();
      await moment();
      other.close();
      await assertRejects(() => soon(waiting), BadResource);
      kq.apply(triggered(1));
      assertEquals((await kq.waitAsync()).length, 1);
    });
  }

  it("another queue that gets the number at once waits for itself", async () => {
    const kq = new Kqueue();
    const { fd } = kq;
    const waiting = kq.waitAsync();
    await pause();
    kq.close();
    using other = new Kqueue();
    assertEquals(other.fd, fd);
    other.apply(kevUser(1));
    const events = other.waitAsync();
    await assertRejects(() => soon(waiting), BadResource);
    await pause();
    other.trigger(1);
    assertEquals((await soon(events)).length, 1);
  });

  it("a signal that is aborted at the same time changes nothing", async () => {
    for (const first of ["abort", "close"]) {
      const kq = new Kqueue();
      const controller = new AbortController();
      const waiting = kq.waitAsync({ signal: controller.signal });
      await pause();
      if (first === "abort") controller.abort();
      kq.close();
      if (first === "close") controller.abort();
      await assertRejects(() => soon(waiting));
      assertEquals(kq.closed, true);
    }
  });

  it("a timeout that runs out at the same time changes nothing", async () => {
    for (let i = 0; i < 20; i++) {
      const kq = new Kqueue();
      const waiting = kq.waitAsync({ timeoutMs: 2 }).then(
        (events) => events.length,
        (error) => error instanceof BadResource,
      );
      await pause(1);
      block(1);
      kq.close();
      assert([0, true].includes(await soon(waiting)));
    }
  });

  it("its watchers' descriptors may be closed first, or meanwhile", async () => {
    using fds = new Descriptors();
    const kq = new Kqueue();
    const [reader, writer] = fds.pipe();
    kq.apply([kevRead(reader), kevTimer(1, PATIENCE)]);
    const waiting = kq.waitAsync();
    await pause();
    fds.close(reader);
    kq.close();
    fds.close(writer);
    await assertRejects(() => soon(waiting), BadResource);
  });

  it("a wait on a closed queue is rejected", async () => {
    const kq = new Kqueue();
    kq.close();
    await assertRejects(() => kq.waitAsync(), BadResource, "closed");
    await assertRejects(() => kq.waitAsync({ timeoutMs: 0 }), BadResource);
  });
});

/** The ways in which somebody else closes a queue's descriptor. */
const CLOSERS: readonly [string, (fds: Descriptors, fd: number) => void][] = [
  ["by the module's close()", (_, fd) => assertEquals(close(fd), 0)],
  ["past the module", (fds, fd) => fds.closeBehind(fd)],
];

describeKernels(
  "a waitAsync whose queue's descriptor is closed behind its back",
  () => {
    for (const [how, closeBehind] of CLOSERS) {
      for (const [when, moment] of MOMENTS) {
        it(`${how} is rejected with EBADF, ${when}`, async () => {
          using fds = new Descriptors();
          using kq = new Kqueue();
          const waiting = kq.waitAsync();
          await moment();
          closeBehind(fds, kq.fd);
          const error = await assertRejects(() => soon(waiting), SystemError);
          assertEquals([error.code, error.syscall], ["EBADF", "kevent64"]);
          assertEquals(kq.closed, false);
          assertThrows(() => kq.poll(), SystemError, "EBADF");
          await assertRejects(() => kq.waitAsync(), SystemError, "EBADF");
        });
      }

      it(`${how} is rejected before its timeout, never later`, async () => {
        using fds = new Descriptors();
        using kq = new Kqueue();
        const waiting = kq.waitAsync({ timeoutMs: 100 * PATIENCE });
        await pause();
        closeBehind(fds, kq.fd);
        await assertRejects(() => soon(waiting), SystemError, "EBADF");
      });

      it(`${how} ends \`for await\` with EBADF`, async () => {
        using fds = new Descriptors();
        using kq = new Kqueue();
        const next = kq[Symbol.asyncIterator]().next();
        await pause();
        closeBehind(fds, kq.fd);
        await assertRejects(() => soon(next), SystemError, "EBADF");
      });

      it(`${how} takes nothing from another queue`, async () => {
        using fds = new Descriptors();
        using kq = new Kqueue();
        using other = new Kqueue();
        const [reader, writer] = fds.pipe();
        other.apply(kevRead(reader));
        const waits = [kq.waitAsync(), other.waitAsync()];
        await pause();
        closeBehind(fds, kq.fd);
        await assertRejects(() => soon(waits[0]), SystemError, "EBADF");
        write(writer, 2);
        assertEquals(only((await soon(waits[1])).toArray()).data, 2n);
      });

      it(`${how} may be closed and aborted all the same`, async () => {
        using fds = new Descriptors();
        const kq = new Kqueue();
        const controller = new AbortController();
        const waiting = kq.waitAsync({ signal: controller.signal });
        await pause();
        closeBehind(fds, kq.fd);
        controller.abort();
        kq.close();
        await assertRejects(() => soon(waiting));
        assertEquals(kq.closed, true);
      });
    }
  },
);
