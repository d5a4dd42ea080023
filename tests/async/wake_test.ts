import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent,
  type KeventInit,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  Kqueue,
  NOTE_ABSOLUTE,
  NOTE_EXTEND,
  NOTE_FFCOPY,
  NOTE_WRITE,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { only, PATIENCE } from "../semantics/calls.ts";
import {
  bytes,
  Descriptors,
  drain,
  fill,
  send,
  temporaryPath,
  write,
} from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  isPending,
  it,
  itUnless,
  pause,
  soon,
  triggered,
  turn,
} from "./support.ts";

// The first of Deno's signal listeners opens descriptors that stay: it is not to be a test's.
const listener = () => {};
Deno.addSignalListener("SIGWINCH", listener);
Deno.removeSignalListener("SIGWINCH", listener);

/** How long a wait has been pending when it is woken. */
const MOMENTS: readonly [string, () => Promise<unknown>][] = [
  ["that has just begun", () => Promise.resolve()],
  ["that is on its way to the other thread", turn],
  ["that is asleep", pause],
];

describeKernels("a waitAsync that is pending", ({ noSystemFilters }) => {
  /** Waits, does something meanwhile, and gives the one event that comes of it. */
  async function woken(
    kq: Kqueue,
    act: () => unknown,
    moment: () => Promise<unknown> = pause,
  ): Promise<Kevent> {
    const waiting = kq.waitAsync();
    await moment();
    act();
    return only((await soon(waiting)).toArray());
  }

  for (const [when, moment] of MOMENTS) {
    it(`R62 is woken by a trigger, ${when}`, async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      for (let udata = 1n; udata <= 20n; udata++) {
        const event = await woken(
          kq,
          () => kq.trigger(1, { udata, fflags: NOTE_FFCOPY | 5, data: -3 }),
          moment,
        );
        assertEquals(
          [event.ident, event.udata, event.fflags, event.data],
          [1n, udata, 5, -3n],
        );
        assertEquals(kq.poll().length, 0);
      }
    });

    it(`is woken by a change that adds a watcher which is ready, ${when}`, async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      write(writer, 3);
      const change = kevRead(reader, { flags: EV_ADD | EV_CLEAR, udata: 9 });
      const event = await woken(kq, () => kq.apply(change), moment);
      assertEquals([event.udata, event.data], [9n, 3n]);
    });

    it(`is woken by bytes that arrive, ${when}`, async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader, { flags: EV_ADD | EV_CLEAR }));
      const event = await woken(kq, () => write(writer, 7), moment);
      assertEquals([event.ident, event.data], [BigInt(reader), 7n]);
    });
  }

  describe("is woken by", () => {
    const changes: [string, KeventInit][] = [
      ["a user event triggered as it is added", triggered(1)],
      ["a timer", kevTimer(1, 5, { flags: EV_ADD | EV_ONESHOT })],
      [
        "a timer of a time that is over",
        kevTimer(1, 1, { fflags: NOTE_ABSOLUTE }),
      ],
      ["a timer without a period", kevTimer(1, 0)],
    ];
    for (const [name, change] of changes) {
      it(`${name}, and added meanwhile`, async () => {
        using kq = new Kqueue();
        const { ident } = await woken(kq, () => kq.apply(change));
        assertEquals(ident, 1n);
      });
    }

    it("R15 a watcher that is enabled", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1, 0, EV_ADD | EV_CLEAR | EV_DISABLE));
      const waiting = kq.waitAsync();
      assert(await isPending(waiting));
      kq.apply({
        ident: 1,
        filter: EVFILT_USER,
        flags: EV_ENABLE,
        udata: 4,
      });
      assertEquals(only((await soon(waiting)).toArray()).udata, 4n);
    });

    it("R55 a timer, never early", async () => {
      using kq = new Kqueue();
      for (const period of [1, 7, 25]) {
        const start = performance.now();
        kq.apply(kevTimer(1, period));
        const [{ data }] = (await soon(kq.waitAsync())).toArray();
        assertGreaterOrEqual(
          performance.now() - start,
          period * Number(data) - 0.01,
        );
      }
    });

    it("a timer that is sooner than the one it slept for", async () => {
      using kq = new Kqueue();
      kq.apply(kevTimer(1, 60_000));
      const { ident } = await woken(kq, () => kq.apply(kevTimer(2, 5)));
      assertEquals(ident, 2n);
    });

    it("room to write", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [a, b] = fds.socketpair();
      fill(a);
      kq.apply(kevWrite(a, { flags: EV_ADD | EV_CLEAR }));
      kq.poll();
      const { ident } = await woken(kq, () => drain(b));
      assertEquals(ident, BigInt(a));
    });

    it("the end of what a descriptor has to give", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [a, b] = fds.socketpair();
      kq.apply(kevRead(a));
      const { flags, data } = await woken(kq, () => fds.close(b));
      assertEquals([flags & EV_EOF, data], [EV_EOF, 0n]);
    });

    it("R30 a connection", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const { fd, port } = fds.listen();
      kq.apply(kevRead(fd, { flags: EV_ADD | EV_CLEAR }));
      const { data } = await woken(kq, () => fds.connect(port));
      assertEquals(data, 1n);
    });

    it("R22 an event in a queue that it watches", async () => {
      using inner = new Kqueue();
      using kq = new Kqueue();
      inner.apply(kevUser(1));
      kq.apply(kevRead(inner.fd));
      const { ident } = await woken(kq, () => inner.trigger(1));
      assertEquals(ident, BigInt(inner.fd));
    });

    itUnless(noSystemFilters, "R70 a signal", async () => {
      using kq = new Kqueue();
      const { SIGWINCH } = constants.signals;
      kq.apply(kevSignal(SIGWINCH));
      const { ident, data } = await woken(
        kq,
        () => posix.kill(posix.getpid(), "SIGWINCH"),
      );
      assertEquals([ident, data], [BigInt(SIGWINCH), 1n]);
    });

    itUnless(noSystemFilters, "R81 a process that exits", async () => {
      using kq = new Kqueue();
      const pid = posix.spawn(["sleep", "1000"]);
      kq.apply(kevProc(pid));
      const { ident, flags } = await woken(
        kq,
        () => posix.kill(pid, "SIGKILL"),
      );
      assertEquals([ident, flags & EV_ONESHOT], [BigInt(pid), EV_ONESHOT]);
      posix.waitpid(pid);
    });

    itUnless(noSystemFilters, "R91 a file that is written", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const path = temporaryPath();
      const fd = fds.keep(posix.creat(path));
      posix.unlink(path);
      kq.apply(kevVnode(fd));
      let { fflags } = await woken(kq, () => write(fd, 5));
      // macOS posts NOTE_EXTEND first and apart.
      assert((fflags & (NOTE_WRITE | NOTE_EXTEND)) !== 0);
      while ((fflags & NOTE_WRITE) === 0) {
        fflags |= only(kq.wait(PATIENCE).toArray()).fflags;
      }
    });
  });

  describe("is not woken by", () => {
    it("a watcher that is added and not ready, or deleted", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      const waiting = kq.waitAsync();
      await pause();
      kq.apply([kevRead(reader), kevUser(2), kevTimer(3, 5)]);
      kq.apply({ ident: 3, filter: EVFILT_TIMER, flags: EV_DELETE });
      kq.apply({ ...kevRead(reader), flags: EV_DELETE });
      write(writer, 1);
      await pause(20);
      assert(await isPending(waiting));
      kq.trigger(2);
      assertEquals(only((await soon(waiting)).toArray()).ident, 2n);
    });

    it("a change that is refused, nor kept from going on by it", async () => {
      using kq = new Kqueue();
      const waiting = kq.waitAsync();
      await pause();
      try {
        kq.apply(kevRead(999_999));
      } catch (error) {
        assert(error instanceof posix.SystemError);
        assertEquals(error.code, "EBADF");
      }
      assert(await isPending(waiting));
      kq.apply(triggered(1));
      assertEquals((await soon(waiting)).length, 1);
    });
  });

  it("wakes with all that has happened by then", async () => {
    using kq = new Kqueue();
    using fds = new Descriptors();
    const pairs = Array.from({ length: 20 }, () => fds.socketpair());
    kq.apply(pairs.map(([a]) => kevRead(a, { flags: EV_ADD | EV_ONESHOT })));
    const waiting = kq.waitAsync();
    await pause();
    for (const [, b] of pairs) send(b, bytes(3).length);
    let count = (await soon(waiting)).length;
    while (count < pairs.length) count += (await soon(kq.waitAsync())).length;
    assertEquals(count, pairs.length);
    assertEquals(kq.poll().length, 0);
  });
});
