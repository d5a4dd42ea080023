import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll } from "@std/testing/bdd";
import { EV_ADD, kevRead, kevUser, Kqueue } from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { darwinLibrary } from "../darwin/library.ts";
import { only } from "../semantics/calls.ts";
import { Descriptors } from "../semantics/descriptors.ts";
import { describeKernels, type Kernel } from "../semantics/kernels.ts";
import { Inbox, itUnless, lacks, pause, soon } from "./support.ts";
import type { Answer, Order } from "./triggering_worker.ts";

const WORKER = new URL("./triggering_worker.ts", import.meta.url);

// A local module is read when a worker starts, and not before.
const mayNot = lacks({ name: "read", path: WORKER });

/** Another thread that does what it is told to a queue of this one. */
class OtherThread {
  readonly #worker = new Worker(WORKER, { type: "module" });
  readonly #answers = new Inbox<Answer>();
  #asked = 0;

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#answers.put(data);
    this.#worker.onerror = ({ message }) => this.#answers.put({ message });
  }

  async do(order: Order): Promise<Answer> {
    this.#worker.postMessage(order);
    return (await this.#answers.reach(++this.#asked))[this.#asked - 1];
  }

  end(): void {
    this.#worker.terminate();
  }
}

/** Of the thread, which must call the same kernel. */
function libraryOf({ isStandIn }: Kernel): string | undefined {
  const library = isStandIn ? darwinLibrary() : { skip: "" };
  return "path" in library ? library.path : undefined;
}

describeKernels("a queue and another thread", (kernel) => {
  // R62, and its *Linux* clause.
  const shared = mayNot ??
    (kernel.isEngine ? "*Linux*: a queue belongs to one isolate" : undefined);
  // R62 *Linux*: what is asked here.
  const foreign = mayNot ??
    (kernel.isEngine ? undefined : "the kernel shares queues");

  let thread: OtherThread;
  beforeAll(async () => {
    if (mayNot !== undefined) return;
    thread = new OtherThread();
    assertEquals(await thread.do({ library: libraryOf(kernel) }), {});
  });
  afterAll(() => {
    thread?.end();
  });

  itUnless(shared, "R62 its trigger wakes a waitAsync", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    for (let udata = 1; udata <= 20; udata++) {
      const waiting = kq.waitAsync();
      if (udata % 2 === 0) await pause(5);
      assertEquals(await thread.do({ fd: kq.fd, ident: 1, udata }), {});
      const event = only((await soon(waiting)).toArray());
      assertEquals([event.ident, event.udata], [1n, BigInt(udata)]);
      assertEquals(kq.poll().length, 0);
    }
  });

  itUnless(shared, "R62 its trigger comes to `for await`", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    const told = thread.do({ fd: kq.fd, ident: 1, udata: 5 });
    for await (const { udata } of kq) {
      assertEquals(udata, 5n);
      break;
    }
    await told;
  });

  itUnless(
    shared,
    "R62 its trigger comes to a Loop's watch, by its word",
    async () => {
      await using loop = new Loop();
      const inbox = new Inbox<bigint>();
      const watch = loop.on(
        kevUser(1, { udata: 44 }),
        ({ udata }) => inbox.put(udata),
      );
      for (let count = 1; count <= 5; count++) {
        await thread.do({ fd: loop.fd, ident: 1, udata: watch.word });
        assertEquals((await inbox.reach(count)).at(-1), 44n);
      }
      // Without it the loop does not know whose the event is, and drops it.
      await thread.do({ fd: loop.fd, ident: 1, udata: 1 });
      await thread.do({ fd: loop.fd, ident: 1, udata: watch.word });
      await inbox.reach(6);
    },
  );

  itUnless(
    shared,
    "R22 its trigger of one queue wakes another that watches it",
    async () => {
      using inner = new Kqueue();
      using kq = new Kqueue();
      inner.apply(kevUser(1));
      kq.apply(kevRead(inner.fd, { flags: EV_ADD }));
      const waiting = kq.waitAsync();
      await pause();
      await thread.do({ fd: inner.fd, ident: 1, udata: 6 });
      const { ident } = only((await soon(waiting)).toArray());
      assertEquals(ident, BigInt(inner.fd));
      assertEquals(only(inner.poll().toArray()).udata, 6n);
    },
  );

  itUnless(
    shared,
    "its closing of a queue it did not make leaves that open",
    async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      for (let udata = 1; udata <= 3; udata++) {
        await thread.do({ fd: kq.fd, ident: 1, udata });
      }
      assertEquals(only(kq.poll().toArray()).udata, 3n);
    },
  );

  itUnless(
    foreign,
    "it has no queue of this one's, and is told why",
    async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      const answer = await thread.do({ fd: kq.fd, ident: 1, udata: 1 });
      assertEquals([answer.name, answer.code], ["SystemError", "EBADF"]);
      assert(answer.message !== undefined);
      assertStringIncludes(
        answer.message,
        `${kq.fd} is no queue of this thread`,
      );
      assertStringIncludes(answer.message, "no other thread can use a queue");
      assertEquals(kq.poll().length, 0);
    },
  );

  itUnless(mayNot, "it is refused what is no queue at all", async () => {
    using fds = new Descriptors();
    const [reader] = fds.pipe();
    const answer = await thread.do({ fd: reader, ident: 1, udata: 1 });
    assertEquals([answer.name, answer.code], ["SystemError", "EBADF"]);
  });
});
