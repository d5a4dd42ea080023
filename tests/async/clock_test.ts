import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { clearTimeout, setTimeout } from "node:timers";
import { EV_ADD, EV_DISABLE, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { it, triggered, turn } from "./support.ts";

const now = performance.now.bind(performance);

/** The global clocks stand still, as those that tests put in their place do until they are told to go on. */
class StoppedClocks implements Disposable {
  readonly #before = (["setTimeout", "clearTimeout", "queueMicrotask"] as const)
    .map((name) => [name, globalThis[name]] as const);

  constructor() {
    const noTimer = (): number => 1;
    Object.assign(globalThis, {
      setTimeout: noTimer,
      clearTimeout: () => {},
      queueMicrotask: () => {},
    });
    const time = now();
    performance.now = () => time;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, Object.fromEntries(this.#before));
    Reflect.deleteProperty(performance, "now");
  }
}

describeKernels("waiting while the global clocks stand still", () => {
  it("R19 a timeout ends a waitAsync, and not before its time", async () => {
    using kq = new Kqueue();
    using _ = new StoppedClocks();
    const start = now();
    assertEquals((await kq.waitAsync({ timeoutMs: 20 })).length, 0);
    assertGreaterOrEqual(now() - start, 20);
  });

  it("R100 an event, an abort and close() end a waitAsync", async () => {
    const kq = new Kqueue();
    kq.apply(kevTimer(1, 5));
    using _ = new StoppedClocks();
    assertEquals((await kq.waitAsync()).length, 1);
    kq.apply(kevTimer(1, 5, { flags: EV_ADD | EV_DISABLE }));
    using other = new Kqueue();
    const controller = new AbortController();
    const aborted = other.waitAsync({ signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await assertRejects(() => aborted, DOMException);
    const closed = other.waitAsync();
    setTimeout(() => other.close(), 5);
    await assertRejects(() => closed, Deno.errors.BadResource);
    kq.close();
  });

  it("R104 a queue that is always ready lets Deno's event loop turn", async () => {
    using kq = new Kqueue();
    kq.apply(triggered(1, 0, EV_ADD));
    using _ = new StoppedClocks();
    let isOver = false;
    const timer = setTimeout(() => isOver = true, 5);
    const deadline = now() + 10_000;
    for await (const _ of kq) {
      if (isOver || now() >= deadline) break;
    }
    clearTimeout(timer);
    assertEquals(isOver, true);
  });

  it("a watch's event that was held is delivered once it is enabled", async () => {
    await using loop = new Loop();
    using _ = new StoppedClocks();
    const seen: bigint[] = [];
    const gate = Promise.withResolvers<void>();
    const watch = loop.on(kevUser(1), async ({ data }) => {
      seen.push(data);
      await gate.promise;
    });
    watch.trigger({ data: 1 });
    while (seen.length < 1) await turn();
    watch.trigger({ data: 2 });
    await loop.once(kevTimer(2, 5));
    watch.disable();
    gate.resolve();
    await turn();
    watch.enable();
    for (let i = 0; i < 1000 && seen.length < 2; i++) await turn();
    assertEquals(seen, [1n, 2n]);
  });
});
