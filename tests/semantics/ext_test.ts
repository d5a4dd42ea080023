import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_USER,
  Kevent64List,
  type KeventInit,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  Kqueue,
  NOTE_LEEWAY,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { PATIENCE } from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const WORDS = [2n ** 64n - 1n, 2n ** 63n + 5n] as const;

/** Applies one record of 48 bytes. */
function apply(
  kq: Kqueue,
  change: KeventInit,
  ext: readonly [number | bigint, number | bigint],
): void {
  kq.apply(Kevent64List.from([{ ...change, ext: [...ext] }]));
}

/** The ext of the only event. */
function extOf(kq: Kqueue): readonly [bigint, bigint] {
  const events = kq.wait(PATIENCE).toArray();
  assertEquals(events.length, 1);
  return events[0].ext;
}

describeKernels("ext", (kernel) => {
  for (const fflags of [NOTE_TRIGGER, 0]) {
    it(
      `R61 ext comes back to the bit, fired ${
        fflags === 0 ? "later" : "at once"
      }`,
      () => {
        using kq = new Kqueue();
        const flags = EV_ADD | EV_CLEAR;
        apply(kq, kevUser(1, { flags, fflags }), WORDS);
        if (fflags === 0) kq.trigger(1);
        assertEquals(extOf(kq), WORDS);
      },
    );
  }

  it("R61 it is the ext of the change that added the watcher", () => {
    using kq = new Kqueue();
    apply(kq, kevUser(1), [1, 2]);
    for (const flags of [EV_ADD, EV_ENABLE, 0]) {
      const change = { ident: 1, filter: EVFILT_USER, flags };
      apply(kq, { ...change, fflags: NOTE_TRIGGER }, [3, 4]);
      assertEquals(extOf(kq), [1n, 2n]);
    }
    kq.apply(kevUser(2, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
    assertEquals(extOf(kq), [0n, 0n]);
  });

  it("R16 ext comes back of READ and WRITE", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [a, b] = fds.socketpair();
    send(b, 1);
    apply(kq, kevRead(a), WORDS);
    assertEquals(extOf(kq), WORDS);
    kq.apply(kevRead(a, { flags: EV_ENABLE }));
    assertEquals(extOf(kq), WORDS);
    kq.apply(kevRead(a, { flags: EV_DELETE }));
    apply(kq, kevWrite(b), [5, 6]);
    assertEquals(extOf(kq), [5n, 6n]);
  });

  it("R16 a timer's ext is 0 and its leeway", () => {
    using kq = new Kqueue();
    const flags = EV_ADD | EV_ONESHOT;
    apply(kq, kevTimer(1, 1, { flags }), [3, 4]);
    assertEquals(extOf(kq), [0n, 0n]);
    const fflags = NOTE_LEEWAY;
    apply(kq, kevTimer(1, 1, { flags, fflags }), [3, 2]);
    const [first, leeway] = extOf(kq);
    assertEquals([first, leeway > 0n], [0n, true]);
    // In ticks of the clock, which are nanoseconds on all kernels but that of Apple silicon.
    if (kernel.isEngine) assertEquals(leeway, 2_000_000n);
  });
});
