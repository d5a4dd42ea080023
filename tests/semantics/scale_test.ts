import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertThrows,
} from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent64List,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  Kqueue,
  NOTE_TRIGGER,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { elapse, PATIENCE } from "./calls.ts";
import { Descriptors, receive, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const DESCRIPTORS = 9_000;
const ROOM = 1024;

/** Pairs of sockets, `count` descriptors in all or as many as the process may have. */
function openPairs(fds: Descriptors, count: number): [number, number][] {
  const pairs: [number, number][] = [];
  // What the queue itself may need.
  const spare = Array.from({ length: 8 }, () => fds.dup(1));
  try {
    while (pairs.length < count / 2) pairs.push(fds.socketpair());
  } catch (error) {
    if (!(error instanceof posix.SystemError) || error.code !== "EMFILE") {
      throw error;
    }
  }
  fds.close(...spare);
  assert(pairs.length > 50, `room for ${pairs.length} pairs alone`);
  return pairs;
}

/** How often each ident came, and in how many calls. */
class Tally {
  readonly counts = new Map<number, number>();
  calls = 0;
  total = 0;

  add(events: Kevent64List): void {
    this.calls++;
    this.total += events.length;
    for (let i = 0; i < events.length; i++) {
      const ident = events.identNumber(i);
      this.counts.set(ident, (this.counts.get(ident) ?? 0) + 1);
    }
  }

  /** Takes events until there were so many. */
  collect(kq: Kqueue, count: number): this {
    while (this.total < count) {
      const events = kq.wait(PATIENCE);
      assert(events.length > 0, `${this.total} of ${count} came`);
      this.add(events);
    }
    return this;
  }

  /** Asserts that each of so many came just once. */
  assertOnceEach(count: number): void {
    assertEquals(this.total, count);
    assertEquals(this.counts.size, count);
  }

  /** Asserts that each of so many came just once, and in few calls. */
  assertAtOnce(count: number): void {
    this.assertOnceEach(count);
    this.assertAll(count);
  }

  /** Asserts that each of so many came, and in few calls: the work does not grow faster than the number. */
  assertAll(count: number): void {
    assertEquals(this.counts.size, count);
    assertLessOrEqual(this.calls, 2 * Math.ceil(count / ROOM));
  }
}

/** How long a hundred calls take that find nothing. */
function millisecondsOf(kq: Kqueue): number {
  const start = performance.now();
  for (let i = 0; i < 100; i++) kq.poll();
  return performance.now() - start;
}

function* range(count: number): Iterable<number> {
  for (let i = 0; i < count; i++) yield i;
}

function changes<T>(
  idents: Iterable<number>,
  change: (ident: number) => T,
): T[] {
  return Array.from(idents, change);
}

describeKernels("a queue of many watchers", (kernel) => {
  // R101: on macOS one without a descriptor is looked for among 1/64 of them.
  const many = kernel.isEngine ? 100_000 : 20_000;
  const manyText = many.toLocaleString("en");

  it("R101 takes 9,000 descriptors that are ready, idle and ready again", () => {
    using fds = new Descriptors();
    using kq = new Kqueue({ capacity: ROOM });
    const pairs = openPairs(fds, DESCRIPTORS);
    const all = pairs.flat();
    kq.apply(changes(all, (fd) => kevRead(fd, { udata: fd * 3 })));
    assertEquals(kq.poll().length, 0);

    for (const mine of [1, 0]) {
      for (const pair of pairs) send(pair[mine], 1);
      const tally = new Tally().collect(kq, pairs.length);
      tally.assertAll(pairs.length);
      for (const pair of pairs) {
        assert(tally.counts.has(pair[1 - mine]));
        receive(pair[1 - mine], 1);
      }
      assertEquals(kq.poll().length, 0);
    }

    // One of them that is ready is found among all that are not.
    for (const at of [0, pairs.length >> 1, pairs.length - 1]) {
      const [a, b] = pairs[at];
      send(a, 2);
      const events = kq.wait(PATIENCE);
      assertEquals(events.length, 1);
      assertEquals(events.identNumber(0), b);
      assertEquals(events.udataNumber(0), b * 3);
      receive(b, 2);
    }

    for (const [, b] of pairs) send(b, 1);
    kq.apply(changes(all, (fd) => kevRead(fd, { flags: EV_DELETE })));
    assertEquals(kq.poll().length, 0);
  });

  // The C library looks at each watcher in each call.
  const ignore = kernel.isStandIn;
  it("R101 an idle watcher costs a call nothing", { ignore }, () => {
    using fds = new Descriptors();
    using few = new Kqueue();
    using many = new Kqueue();
    const all = openPairs(fds, DESCRIPTORS).flat();
    few.apply(changes(all.slice(0, 10), (fd) => kevRead(fd)));
    many.apply(changes(all, (fd) => kevRead(fd)));
    many.apply(changes(all, (fd) => kevTimer(fd, 3_600_000)));
    many.apply(changes(all, (fd) => kevUser(fd)));
    const [cheap, dear] = [few, many].map((kq) =>
      Math.min(...Array.from({ length: 20 }, () => millisecondsOf(kq)))
    );
    // Were it examined, it would cost hundreds of times as much.
    assertLess(dear, cheap * 10);
  });

  it("R101 takes READ and WRITE of 9,000 descriptors in every mode", () => {
    using fds = new Descriptors();
    using kq = new Kqueue({ capacity: ROOM });
    const all = openPairs(fds, DESCRIPTORS).flat();
    const modes = [EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT];
    kq.apply(changes(all, (fd) => kevRead(fd, { flags: modes[fd % 2] })));
    kq.apply(changes(all, (fd) => kevWrite(fd, { flags: modes[fd % 2] })));
    new Tally().collect(kq, all.length).assertAtOnce(all.length);
    assertEquals(kq.poll().length, 0);
    for (const fd of all) send(fd, 1);
    let reads = 0;
    while (reads < all.length) {
      const events = kq.wait(PATIENCE);
      assert(events.length > 0);
      for (let i = 0; i < events.length; i++) {
        if (events.filter(i) === EVFILT_READ) reads++;
        else assertEquals(events.filter(i), EVFILT_WRITE);
      }
    }
    assertEquals(reads, all.length);
  });

  it("R9 closing 9,000 descriptors removes their watchers", () => {
    using fds = new Descriptors();
    using kq = new Kqueue({ capacity: ROOM });
    const pairs = openPairs(fds, DESCRIPTORS);
    kq.apply(changes(pairs.flat(), (fd) => kevRead(fd)));
    for (const [a] of pairs) fds.close(a);
    for (const [, b] of pairs) fds.closeBehind(b);
    assertEquals(kq.poll().length, 0);
    const again = openPairs(fds, pairs.length * 2);
    for (const [a] of again) send(a, 1);
    assertEquals(kq.poll().length, 0);
  });

  it(`R101 takes ${manyText} timers`, () => {
    using kq = new Kqueue({ capacity: ROOM });
    const flags = EV_ADD | EV_ONESHOT;
    // In no order: the last added are not the last to fire.
    const period = (ident: number) => 1 + ident * 7919 % 20;
    kq.apply(
      changes(
        range(many),
        (ident) => kevTimer(ident, period(ident), { flags }),
      ),
    );
    // On macOS each fires by a call of its own, late ones in several batches.
    elapse(60);
    new Tally().collect(kq, many).assertOnceEach(many);
    assertEquals(kq.poll().length, 0);

    // All are gone, so they can be added anew: half of them for long, and some of each half deleted.
    const isShort = (ident: number) => ident % 2 === 0;
    const isDeleted = (ident: number) => ident % 3 === 0;
    const idents = Array.from(range(many));
    kq.apply(changes(idents, (ident) => {
      const length = isShort(ident) ? period(ident) : 3_600_000;
      return kevTimer(ident, length + 200, { flags });
    }));
    const remove = (ident: number) => kevTimer(ident, 0, { flags: EV_DELETE });
    kq.apply(changes(idents.filter(isDeleted), remove));
    const left = idents.filter((ident) => !isDeleted(ident));
    const due = left.filter(isShort);
    const { counts, total } = new Tally().collect(kq, due.length);
    assertEquals(total, due.length);
    assert(due.every((ident) => counts.get(ident) === 1));
    assertEquals(kq.poll().length, 0);
    kq.apply(changes(left.filter((ident) => !isShort(ident)), remove));
  });

  it(`R101 takes ${manyText} timers that repeat`, () => {
    using kq = new Kqueue({ capacity: ROOM });
    kq.apply(changes(range(many), (ident) => kevTimer(ident, 50)));
    const counts = new Map<number, number>();
    while (counts.size < many) {
      const events = kq.wait(PATIENCE);
      assert(events.length > 0, `${counts.size} of ${many} fired`);
      for (let i = 0; i < events.length; i++) {
        assertEquals(events.filter(i), EVFILT_TIMER);
        assert(events.dataNumber(i) >= 1);
        counts.set(events.identNumber(i), i);
      }
    }
  });

  it(`R101 takes ${manyText} user events`, () => {
    using kq = new Kqueue({ capacity: ROOM });
    kq.apply(changes(range(many), (ident) => kevUser(ident)));
    assertEquals(kq.poll().length, 0);
    for (let round = 0; round < 2; round++) {
      kq.apply(
        changes(
          range(many),
          (ident) => kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER }),
        ),
      );
      new Tally().collect(kq, many).assertAtOnce(many);
      assertEquals(kq.poll().length, 0);
    }
    kq.trigger(many / 2, { udata: 3 });
    const events = kq.poll();
    assertEquals(events.length, 1);
    assertEquals([events.filter(0), events.udataNumber(0)], [EVFILT_USER, 3]);
    const removals = changes(
      range(many),
      (ident) => kevUser(ident, { flags: EV_DELETE }),
    );
    kq.apply(removals);
    assertEquals(kq.poll().length, 0);
    const { failures } = assertThrows(
      () => kq.apply(removals),
      posix.SystemError,
    );
    assertEquals(failures.length, many);
    assert(failures.every(({ code }) => code === "ENOENT"));
  });

  it(`R18 ${manyText} levels take turns`, () => {
    using kq = new Kqueue({ capacity: ROOM });
    kq.apply(
      changes(
        range(many),
        (ident) => kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER }),
      ),
    );
    const tally = new Tally();
    const calls = Math.ceil(many / ROOM);
    while (tally.calls < calls) tally.add(kq.poll());
    assertEquals(tally.counts.size, many);
    while (tally.calls < 2 * calls) tally.add(kq.poll());
    assertEquals(tally.total, 2 * calls * ROOM);
    for (const count of tally.counts.values()) {
      assert(count === 2 || count === 3);
    }
  });
});
