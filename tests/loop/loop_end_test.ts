import { assert, assertEquals } from "@std/assert";
import { constants } from "node:os";
import {
  errno,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  type Kevent64,
  type KeventInit,
  kevProc,
  kevRead,
  kevTimer,
  kevWrite,
  kqApply,
  NOTE_ABSOLUTE,
} from "../../mod.ts";
import { Loop, type Watch } from "../../loop.ts";
import * as posix from "../../posix.ts";
import {
  Descriptors,
  fill,
  read,
  send,
  write,
} from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  delivered,
  Inbox,
  it,
  itUnless,
  soon,
  triggered,
} from "../async/support.ts";

const { ENOENT } = constants.errno;

describeKernels("a Loop's watch ends by itself", ({ noSystemFilters }) => {
  /** Watches, notes whether the watch was active in each call, and does something with the event. */
  function follow(
    loop: Loop,
    change: KeventInit,
    act: (event: Kevent64) => void = () => {},
  ): {
    watch: Watch;
    calls: Inbox<[data: number, isEof: boolean, isActive: boolean]>;
  } {
    const calls = new Inbox<[number, boolean, boolean]>();
    const watch = loop.on(change, (event, own) => {
      act(event);
      const isEof = (event.flags & EV_EOF) !== 0;
      calls.put([Number(event.data), isEof, own.active]);
    });
    return { watch, calls };
  }

  it("R12 when it was a one-shot", async () => {
    await using loop = new Loop();
    const { watch, calls } = follow(
      loop,
      triggered(1, 0, EV_ADD | EV_ONESHOT),
    );
    assertEquals(await calls.reach(1), [[0, false, false]]);
    assertEquals(watch.active, false);
    await delivered(loop);
    assertEquals(calls.items.length, 1);
  });

  it("R52 when it was a timer for one time", async () => {
    await using loop = new Loop();
    const change = kevTimer(1, 1, { fflags: NOTE_ABSOLUTE });
    const { watch, calls } = follow(loop, change);
    assertEquals(await calls.reach(1), [[1, false, false]]);
    assertEquals(watch.active, false);
  });

  it("R32 as a level with the report that finds nothing more to read", async () => {
    for (const make of ["pipe", "socketpair"] as const) {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds[make]();
      const { watch, calls } = follow(loop, kevRead(reader), ({ data }) => {
        // A pipe's read and a socket's do alike.
        if (data > 0n) read(reader, 3);
      });
      if (make === "pipe") write(writer, 6);
      else send(writer, 6);
      fds.close(writer);
      assertEquals(await calls.reach(3), [
        [6, true, true],
        [3, true, true],
        [0, true, false],
      ]);
      assertEquals(watch.active, false);
      await delivered(loop);
      assertEquals(calls.items.length, 3);
    }
  });

  it("R32 and is no watcher of the queue any more", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const { calls } = follow(loop, kevRead(reader));
    fds.close(writer);
    assertEquals(await calls.reach(1), [[0, true, false]]);
    const deletion = kevRead(reader, { flags: EV_DELETE });
    assertEquals([kqApply(loop.fd, deletion), errno()], [false, ENOENT]);
  });

  it("R32 as a level not before what there is was read", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const { watch, calls } = follow(loop, kevRead(reader));
    write(writer, 2);
    fds.close(writer);
    await calls.reach(5);
    assert(watch.active);
    read(reader, 2);
    while (watch.active) await delivered(loop);
    assertEquals(calls.items.at(-1), [0, true, false]);
  });

  it("R13 as an edge with the report of the end", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const flags = EV_ADD | EV_CLEAR;
    const { watch, calls } = follow(loop, kevRead(reader, { flags }));
    write(writer, 1);
    await calls.reach(1);
    assert(watch.active);
    write(writer, 2);
    fds.close(writer);
    await delivered(loop);
    assertEquals(calls.items.at(-1), [3, true, false]);
    assertEquals(watch.active, false);
  });

  it("R36 when nobody reads any more what it would write", async () => {
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [a, b] = fds.socketpair();
      fill(a);
      const { watch, calls } = follow(loop, kevWrite(a, { flags }));
      await delivered(loop);
      assertEquals(calls.items.length, 0);
      fds.close(b);
      const [[, isEof, isActive]] = await calls.reach(1);
      assertEquals([isEof, isActive, watch.active], [true, false, false]);
      await delivered(loop);
      assertEquals(calls.items.length, 1);
    }
  });

  itUnless(noSystemFilters, "R81 when its process has exited", async () => {
    await using loop = new Loop();
    const pid = posix.spawn(["sleep", "1000"]);
    const { watch, calls } = follow(loop, kevProc(pid));
    await delivered(loop);
    assert(watch.active);
    posix.kill(pid, "SIGKILL");
    const [[, isEof, isActive]] = await calls.reach(1);
    assertEquals([isEof, isActive, watch.active], [true, false, false]);
    posix.waitpid(pid);
  });

  it("and leaves its ident and filter to the next, in its last call already", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    fds.close(writer);
    const order: string[] = [];
    const done = Promise.withResolvers<void>();
    loop.on(kevRead(reader), () => {
      order.push("first");
      loop.on(kevRead(reader), () => {
        order.push("second");
        done.resolve();
      });
    });
    await soon(done.promise);
    await delivered(loop);
    assertEquals(order, ["first", "second"]);
  });

  it("and leaves its descriptor to be closed in its last call", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    for (let round = 0; round < 20; round++) {
      const [reader, writer] = fds.pipe();
      const { watch, calls } = follow(loop, kevRead(reader), ({ data }) => {
        if (data === 0n) fds.close(reader);
        else read(reader, Number(data));
      });
      write(writer, 1);
      fds.close(writer);
      assertEquals((await calls.reach(2))[1], [0, true, false]);
      assertEquals(watch.active, false);
    }
  });

  it("which its cancel(), disable() and enable() do not mind", async () => {
    await using loop = new Loop();
    const { watch, calls } = follow(
      loop,
      triggered(1, 0, EV_ADD | EV_ONESHOT),
    );
    await calls.reach(1);
    watch.disable();
    watch.enable();
    watch.trigger();
    watch.cancel();
    await delivered(loop);
    assertEquals(calls.items.length, 1);
  });
});
