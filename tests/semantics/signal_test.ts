import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_SIGNAL,
  type Kevent,
  kevSignal,
  Kqueue,
} from "../../mod.ts";
import { getpid, kill } from "../../posix.ts";
import {
  assertCode,
  idents,
  only,
  openQueue,
  PATIENCE,
  type TestQueue,
} from "./calls.ts";
import { IS_LINUX } from "../system.ts";

// Both are ignored unless somebody handles them.
const { SIGURG, SIGWINCH } = constants.signals;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
getpid();
openQueue()[Symbol.dispose]();

/** Lets Deno's event loop turn, in which Linux learns of signals. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Waits for the first events, while the event loop turns. */
async function next(kq: TestQueue): Promise<Kevent[]> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const events = kq.poll();
    if (events.length > 0) return events;
    assertLess(performance.now(), deadline, "no signal came");
    await turn();
  }
}

/** Counts a signal by the program's own listener: what was sent before it has arrived once it is counted here. */
class Listener implements Disposable {
  count = 0;
  readonly #signal: Deno.Signal;
  readonly #listen = () => {
    this.count++;
  };

  constructor(signal: Deno.Signal) {
    this.#signal = signal;
    Deno.addSignalListener(signal, this.#listen);
  }

  /** Sends the signal to this process, and waits until it has arrived: one that still waits would swallow the next. */
  async send(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    const { count } = this;
    kill(getpid(), this.#signal);
    while (this.count === count) {
      assertLess(performance.now(), deadline, "the listener was not called");
      await turn();
    }
    await turn();
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener(this.#signal, this.#listen);
  }
}

describe("EVFILT_SIGNAL", () => {
  it("R70 a signal sent to the process is reported", async () => {
    using kq = openQueue();
    kq.apply(kevSignal(SIGURG, { udata: 5 }));
    assertEquals(kq.poll(), []);
    kill(getpid(), "SIGURG");
    const { ident, filter, data, udata, flags } = only(await next(kq));
    assertEquals([ident, data, udata], [BigInt(SIGURG), 1n, 5n]);
    assertEquals(filter, EVFILT_SIGNAL);
    assertEquals(flags & (EV_ADD | EV_CLEAR), EV_ADD | EV_CLEAR);
  });

  it("R70 a signal ends a waitAsync", async () => {
    using kq = new Kqueue();
    kq.apply(kevSignal(SIGURG));
    const waiting = kq.waitAsync({ timeoutMs: PATIENCE });
    kill(getpid(), "SIGURG");
    assertEquals(only((await waiting).toArray()).data, 1n);
  });

  it("R70 signals are counted, and a report clears the count", async () => {
    using kq = openQueue();
    using listener = new Listener("SIGURG");
    kq.apply(kevSignal(SIGURG));
    for (const count of [3, 1, 20]) {
      for (let i = 0; i < count; i++) await listener.send();
      assertEquals(only(await next(kq)).data, BigInt(count));
      assertEquals(kq.poll(), []);
    }
  });

  it("R70 each signal is counted by itself", async () => {
    using kq = openQueue();
    using urgent = new Listener("SIGURG");
    using resized = new Listener("SIGWINCH");
    kq.apply(kevSignal(SIGURG, { udata: 1 }));
    kq.apply(kevSignal(SIGWINCH, { udata: 2 }));
    await urgent.send();
    await resized.send();
    await resized.send();
    const events = await next(kq);
    assertEquals(idents(events), [SIGURG, SIGWINCH].sort((a, b) => a - b));
    for (const { ident, data, udata } of events) {
      const expected = Number(ident) === SIGURG ? [1n, 1n] : [2n, 2n];
      assertEquals([data, udata], expected);
    }
  });

  it("R70 the program's own listener is called as well, before and after", async () => {
    using listener = new Listener("SIGUSR1");
    const { SIGUSR1 } = constants.signals;
    {
      using kq = openQueue();
      await listener.send();
      kq.apply(kevSignal(SIGUSR1));
      assertEquals(kq.poll(), []);
      await listener.send();
      assertEquals(only(await next(kq)).data, 1n);
      kq.apply(kevSignal(SIGUSR1, { flags: EV_DELETE }));
      await listener.send();
      assertEquals(kq.poll(), []);
    }
    await listener.send();
    assertEquals(listener.count, 4);
  });

  it("R70 goes on when the program's own listener goes", async () => {
    using kq = openQueue();
    kq.apply(kevSignal(SIGURG));
    {
      using listener = new Listener("SIGURG");
      await listener.send();
    }
    kill(getpid(), "SIGURG");
    let seen = 0n;
    while (seen < 2n) seen += only(await next(kq)).data;
    assertEquals(seen, 2n);
  });

  it("R70 each queue counts by itself", async () => {
    using first = openQueue();
    using second = openQueue();
    using listener = new Listener("SIGURG");
    first.apply(kevSignal(SIGURG));
    await listener.send();
    second.apply(kevSignal(SIGURG));
    await listener.send();
    assertEquals(only(await next(first)).data, 2n);
    assertEquals(only(await next(second)).data, 1n);
    first.apply(kevSignal(SIGURG, { flags: EV_DELETE }));
    await listener.send();
    assertEquals(only(await next(second)).data, 1n);
    assertEquals(first.poll(), []);
  });

  it("R1 adding it again keeps the count and takes the udata", async () => {
    using kq = openQueue();
    using listener = new Listener("SIGURG");
    kq.apply(kevSignal(SIGURG, { udata: 1 }));
    await listener.send();
    kq.apply(kevSignal(SIGURG, { udata: 2 }));
    await listener.send();
    const { data, udata } = only(await next(kq));
    assertEquals([data, udata], [2n, 2n]);
  });

  it("R15 signals are counted while it is disabled", async () => {
    using kq = openQueue();
    using listener = new Listener("SIGURG");
    kq.apply(kevSignal(SIGURG, { flags: EV_ADD | EV_DISABLE }));
    await listener.send();
    await listener.send();
    assertEquals(kq.poll(), []);
    kq.apply(kevSignal(SIGURG, { flags: EV_ENABLE, udata: 6 }));
    const { data, udata } = only(await next(kq));
    assertEquals([data, udata], [2n, 6n]);
  });

  it("R12 EV_ONESHOT delivers once and is gone", async () => {
    using kq = openQueue();
    using listener = new Listener("SIGURG");
    kq.apply(kevSignal(SIGURG, { flags: EV_ADD | EV_ONESHOT }));
    await listener.send();
    assertEquals(only(await next(kq)).data, 1n);
    await listener.send();
    assertEquals(kq.poll(), []);
    const flags = EV_DELETE;
    assertCode(() => kq.apply(kevSignal(SIGURG, { flags })), "ENOENT");
  });

  it("R14 EV_DISPATCH delivers once and is disabled", async () => {
    using kq = openQueue();
    using listener = new Listener("SIGURG");
    kq.apply(kevSignal(SIGURG, { flags: EV_ADD | EV_DISPATCH }));
    await listener.send();
    assertEquals(only(await next(kq)).data, 1n);
    await listener.send();
    await listener.send();
    assertEquals(kq.poll(), []);
    kq.apply(kevSignal(SIGURG, { flags: EV_ENABLE }));
    assertEquals(only(await next(kq)).data, 2n);
  });

  it("R22 a signal makes the queue readable for another", async () => {
    using inner = openQueue();
    using outer = openQueue();
    inner.apply(kevSignal(SIGURG));
    outer.apply({ ident: inner.fd, filter: EVFILT_READ, flags: EV_ADD });
    assertEquals(outer.poll(), []);
    kill(getpid(), "SIGURG");
    assertEquals(idents(await next(outer)), [inner.fd]);
    assertEquals(only(inner.poll()).data, 1n);
    assertEquals(outer.poll(), []);
  });

  const { SIGKILL, SIGSTOP } = constants.signals;
  for (
    const [name, number] of Object.entries({ SIGKILL, SIGSTOP, SIGRTMAX: 64 })
  ) {
    it(`R70 ${name} is EINVAL`, { ignore: !IS_LINUX }, () => {
      using kq = openQueue();
      assertCode(() => kq.apply(kevSignal(number)), "EINVAL");
      const flags = EV_DELETE;
      assertCode(() => kq.apply(kevSignal(number, { flags })), "ENOENT");
    });
  }
});
