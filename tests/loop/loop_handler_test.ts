import { assertEquals, assertStrictEquals } from "@std/assert";
import { EV_ADD, EV_ONESHOT } from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  delivered,
  Inbox,
  it,
  pause,
  reported,
  soon,
  triggered,
  turn,
} from "../async/support.ts";

describeKernels("a Loop's handler that throws", () => {
  it("goes to reportError, and takes no watch down", async () => {
    await using loop = new Loop();
    const failure = new Error("of the handler");
    const others = new Inbox<bigint>();
    let calls = 0;
    const errors = await reported(async () => {
      for (const ident of [1, 2, 3]) {
        loop.on(triggered(ident), (event) => others.put(event.ident));
      }
      const watch = loop.on(triggered(4), () => {
        calls++;
        throw failure;
      });
      for (let call = 1; call <= 3; call++) {
        await delivered(loop);
        assertEquals([calls, watch.active], [call, true]);
        watch.trigger();
      }
      await delivered(loop);
    });
    assertEquals(errors.length, 4);
    for (const error of errors) assertStrictEquals(error, failure);
    assertEquals(others.items.sort(), [1n, 2n, 3n]);
  });

  it("may be async: its rejection goes to reportError, and the watch goes on", async () => {
    await using loop = new Loop();
    const failure = new Error("of the async handler");
    let calls = 0;
    const errors = await reported(async () => {
      const watch = loop.on(triggered(1), async () => {
        calls++;
        await turn();
        throw failure;
      });
      for (let call = 1; call <= 3; call++) {
        while (calls < call) await delivered(loop);
        await pause(1);
        watch.trigger();
      }
      while (calls < 4) await delivered(loop);
      await pause(1);
    });
    assertEquals(errors, [failure, failure, failure, failure]);
  });

  it("may throw what is no Error, and in its last call", async () => {
    await using loop = new Loop();
    const errors = await reported(async () => {
      loop.on(triggered(1, 0, EV_ADD | EV_ONESHOT), () => {
        throw "a string";
      });
      await delivered(loop);
      // Its watch has ended all the same.
      await soon(loop.once(triggered(1)));
    });
    assertEquals(errors, ["a string"]);
  });

  it("may have closed the loop", async () => {
    const loop = new Loop();
    const errors = await reported(async () => {
      loop.on(triggered(1), () => {
        loop.close();
        throw new Error("after close()");
      });
      while (!loop.closed) await turn();
      await loop[Symbol.asyncDispose]();
    });
    assertEquals(errors.length, 1);
  });
});
