import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { currentKernel } from "../../kernel.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevUser,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { PollCall } from "../../poll.ts";
import * as posix from "../../posix.ts";
import {
  assertCode,
  elapse,
  idents,
  only,
  openQueue,
  PATIENCE,
  type TestQueue,
} from "./calls.ts";
import { Descriptors, read, temporaryPath, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const LEVELS = 10;

const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

/** Queues each of which watches the one before it. */
class Tower implements Disposable {
  readonly queues: TestQueue[];

  constructor(height: number) {
    this.queues = Array.from({ length: height }, () => openQueue());
    for (let at = 1; at < height; at++) {
      this.queues[at].apply(kevRead(this.queues[at - 1].fd));
    }
  }

  get top(): TestQueue {
    return this.queues[this.queues.length - 1];
  }

  [Symbol.dispose](): void {
    for (const kq of this.queues) kq[Symbol.dispose]();
  }
}

/** Whether poll(2) of the kernel's library finds a queue readable, now or within so many ms. */
async function isReadable(fd: number, milliseconds = 0): Promise<boolean> {
  const call = new PollCall(currentKernel().poll, [fd]);
  return call.end(await call.begin(milliseconds)) > 0;
}

describeKernels("levels of queues, and poll(2)", (kernel) => {
  /** *Linux*: poll(2) may find a queue readable for nothing until it is looked at. */
  async function assertQuiet(kq: TestQueue): Promise<void> {
    if (kernel.isEngine) assertEquals(kq.poll(), []);
    assertEquals(await isReadable(kq.fd), false);
  }

  it("R22 a queue in itself is EINVAL", () => {
    using kq = openQueue();
    assertCode(() => kq.apply(kevRead(kq.fd)), "EINVAL");
  });

  for (const height of [2, 3]) {
    it(`R22 a ring of ${height} is EINVAL`, () => {
      using tower = new Tower(height);
      const [bottom] = tower.queues;
      assertCode(() => bottom.apply(kevRead(tower.top.fd)), "EINVAL");
      bottom.apply(kevUser(1), trigger(1));
      assertEquals(tower.top.wait().length, 1);
    });
  }

  // *Linux*: fewer levels.
  const macOnly = kernel.isEngine ? it.skip : it;

  macOnly("R22 ten levels are taken, an eleventh is EINVAL", () => {
    using tower = new Tower(LEVELS);
    using above = openQueue();
    assertCode(() => above.apply(kevRead(tower.top.fd)), "EINVAL");
    const [bottom] = tower.queues;
    bottom.apply(kevUser(1), trigger(1));
    for (const [at, kq] of [...tower.queues.entries()].reverse()) {
      const expected = at === 0 ? 1 : tower.queues[at - 1].fd;
      assertEquals(idents(kq.wait()), [expected]);
    }
  });

  macOnly(
    "R22 a queue that is nested, with none in it, takes no queue that has queues in it",
    () => {
      using tower = new Tower(2);
      using inner = openQueue();
      using outer = openQueue();
      outer.apply(kevRead(inner.fd));
      assertCode(() => inner.apply(kevRead(tower.top.fd)), "EINVAL");
      inner.apply(kevRead(tower.queues[0].fd));
    },
  );

  macOnly("R22 a queue that has queues in it takes none that is deeper", () => {
    using plain = openQueue();
    using outer = openQueue();
    using tower = new Tower(3);
    outer.apply(kevRead(plain.fd));
    assertCode(() => outer.apply(kevRead(tower.top.fd)), "EINVAL");
    outer.apply(kevRead(tower.queues[1].fd));
    // Now it is as deep, one that it is in or not.
    using above = openQueue();
    above.apply(kevRead(outer.fd));
    outer.apply(kevRead(tower.top.fd));
    tower.queues[0].apply(kevUser(1), trigger(1));
    assertEquals(idents(above.wait()), [outer.fd]);
  });

  macOnly(
    "R22 one that was polled by poll(2) takes no queue that has queues in it",
    async () => {
      using tower = new Tower(2);
      using kq = openQueue();
      assertEquals(await isReadable(kq.fd), false);
      assertCode(() => kq.apply(kevRead(tower.top.fd)), "EINVAL");
      kq.apply(kevRead(tower.queues[0].fd));
    },
  );

  it("R22 a queue that had queues in it before it was polled keeps them", async () => {
    using tower = new Tower(3);
    const waiting = isReadable(tower.top.fd, PATIENCE);
    tower.queues[0].apply(kevUser(1), trigger(1));
    assert(await waiting);
  });

  describe("R22 poll(2) finds a queue readable for", () => {
    it("a user event, until it is taken", async () => {
      using kq = openQueue();
      kq.apply(kevUser(1));
      await assertQuiet(kq);
      kq.apply(trigger(1));
      assert(await isReadable(kq.fd));
      assertEquals(kq.poll().length, 1);
      await assertQuiet(kq);
    });

    it("bytes that arrive while it waits", async () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader));
      await assertQuiet(kq);
      const waiting = isReadable(kq.fd, PATIENCE);
      write(writer, 1);
      assert(await waiting);
      read(reader, 1);
      assertEquals(kq.poll(), []);
      await assertQuiet(kq);
    });

    it("a timer", async () => {
      using kq = openQueue();
      kq.apply(kevTimer(1, 5, { flags: EV_ADD | EV_ONESHOT }));
      assert(await isReadable(kq.fd, PATIENCE));
      assertEquals(idents(kq.poll()), [1]);
      await assertQuiet(kq);
    });

    it("a regular file", async () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const path = temporaryPath();
      posix.close(posix.creat(path));
      const fd = fds.keep(posix.open(path, { read: true, write: true }));
      posix.unlink(path);
      kq.apply(kevRead(fd, { flags: EV_ADD | EV_CLEAR }));
      await assertQuiet(kq);
      write(fd, 3);
      posix.lseek(fd, -3, "current");
      assert(await isReadable(kq.fd, PATIENCE));
      assertEquals(only(kq.poll()).data, 3n);
      await assertQuiet(kq);
    });

    it("what a full list has left behind", async () => {
      using kq = openQueue(1);
      kq.apply(kevTimer(1, 1), kevTimer(2, 1));
      const seen = new Set<number>();
      while (seen.size < 2) {
        assert(await isReadable(kq.fd, PATIENCE));
        seen.add(idents(kq.poll())[0]);
      }
    });

    it("nothing, while its watcher is disabled", async () => {
      using kq = openQueue();
      kq.apply(kevUser(1, { flags: EV_ADD | EV_DISABLE }), trigger(1));
      kq.apply(kevTimer(2, 1, { flags: EV_ADD | EV_DISABLE }));
      elapse(3);
      await assertQuiet(kq);
      kq.apply(kevUser(1, { flags: EV_ENABLE }));
      assert(await isReadable(kq.fd));
    });
  });

  it("R22 a level that was reported counts until the queue is looked at again", () => {
    using fds = new Descriptors();
    using inner = openQueue();
    using outer = openQueue();
    const [reader, writer] = fds.pipe();
    inner.apply(kevRead(reader));
    outer.apply(kevRead(inner.fd));
    write(writer, 1);
    assertEquals(idents(inner.wait()), [reader]);
    read(reader, 1);
    const events = outer.poll();
    if (!kernel.isEngine) assertEquals(only(events).data, 1n);
    assertEquals(inner.poll(), []);
    assertEquals(outer.poll(), []);
  });

  it("R22 with EV_CLEAR each look at the inner queue that leaves a level is news", () => {
    using inner = openQueue();
    using outer = openQueue();
    outer.apply(kevRead(inner.fd, { flags: EV_ADD | EV_CLEAR }));
    inner.apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
    assertEquals(idents(outer.wait()), [inner.fd]);
    assertEquals(outer.poll(), []);
    assertEquals(idents(inner.poll()), [1]);
    const events = outer.poll();
    if (!kernel.isEngine) assertEquals(idents(events), [inner.fd]);
    inner.apply(kevUser(1, { flags: EV_DELETE }));
    assertEquals(outer.poll(), []);
  });
});
