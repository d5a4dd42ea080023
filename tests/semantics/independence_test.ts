import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import { assertCode, openQueue, type TestQueue } from "./calls.ts";
import { Descriptors, drain, fill, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const MODES: Record<string, number> = {
  "level": 0,
  "edge": EV_CLEAR,
  "one-shot": EV_ONESHOT,
  "dispatch": EV_DISPATCH,
  "edge dispatch": EV_CLEAR | EV_DISPATCH,
  "disabled": EV_DISABLE,
};

/** What a watcher does by R11 to R15. */
class Watcher {
  exists = true;
  enabled: boolean;
  /** For an edge: something happened since the last report. */
  changed = true;
  /** Whether its condition holds. */
  ready = false;

  constructor(
    readonly filter: number,
    readonly fd: number,
    readonly mode: number,
    public udata: number,
  ) {
    this.enabled = (mode & EV_DISABLE) === 0;
  }

  add(kq: TestQueue): void {
    const { fd, filter, udata } = this;
    kq.apply({ ident: fd, filter, flags: EV_ADD | this.mode, udata });
  }

  /** Enables it, if it is not, with another udata. */
  enable(kq: TestQueue): void {
    if (!this.exists || this.enabled) return;
    const { fd, filter } = this;
    this.udata += 10;
    kq.apply({ ident: fd, filter, flags: EV_ENABLE, udata: this.udata });
    this.enabled = this.changed = true;
  }

  delete(kq: TestQueue): void {
    const { fd, filter } = this;
    const deleting = () => kq.apply({ ident: fd, filter, flags: EV_DELETE });
    if (this.exists) deleting();
    else assertCode(deleting, "ENOENT");
    this.exists = false;
  }

  /** Something happened: from now on the condition holds. */
  becomesReady(): void {
    this.ready = this.changed = true;
  }

  /** What the next call says of it. */
  reports(): string[] {
    const isEdge = (this.mode & EV_CLEAR) !== 0;
    const reported = this.exists && this.enabled && this.ready &&
      (!isEdge || this.changed);
    if (!reported) return [];
    this.changed = false;
    if ((this.mode & EV_ONESHOT) !== 0) this.exists = false;
    if ((this.mode & EV_DISPATCH) !== 0) this.enabled = false;
    return [`${this.filter} ${this.fd} ${this.udata}`];
  }
}

/** Both watchers of one socket, through all that can happen to it. */
class Scenario {
  readonly #kq: TestQueue;
  readonly #watchers: Watcher[];

  constructor(kq: TestQueue, ...watchers: Watcher[]) {
    this.#kq = kq;
    this.#watchers = watchers;
  }

  /** Does something, and then asks three times what there is. */
  step(name: string, act: () => void): void {
    act();
    for (const call of ["first", "second", "third"]) {
      const expected = this.#watchers.flatMap((watcher) => watcher.reports());
      const got = this.#kq.poll().map(({ filter, ident, udata }) =>
        `${filter} ${ident} ${udata}`
      );
      assertEquals(
        got.sort(),
        expected.sort(),
        `${call} call after: ${name}`,
      );
    }
  }
}

function run(readMode: number, writeMode: number, readFirst: boolean): void {
  using fds = new Descriptors();
  using kq = openQueue();
  const [a, b] = fds.socketpair();
  const read = new Watcher(EVFILT_READ, a, readMode, 1);
  const write = new Watcher(EVFILT_WRITE, a, writeMode, 2);
  const scenario = new Scenario(kq, read, write);
  write.ready = true;

  scenario.step("adding", () => {
    const both = readFirst ? [read, write] : [write, read];
    for (const watcher of both) watcher.add(kq);
  });
  scenario.step("something to read", () => {
    send(b, 3);
    read.becomesReady();
  });
  scenario.step("more to read", () => {
    send(b, 2);
    read.becomesReady();
  });
  scenario.step("all read", () => {
    drain(a);
    read.ready = false;
  });
  scenario.step("no room to write", () => {
    fill(a);
    write.ready = false;
  });
  scenario.step("something to read, no room to write", () => {
    send(b, 1);
    read.becomesReady();
  });
  scenario.step("READ enabled, no room to write", () => read.enable(kq));
  scenario.step("WRITE enabled, no room to write", () => write.enable(kq));
  scenario.step("room to write", () => {
    drain(b);
    write.becomesReady();
  });
  scenario.step("WRITE enabled", () => write.enable(kq));
  scenario.step("all read again", () => {
    drain(a);
    read.ready = false;
  });
  scenario.step("READ enabled, nothing to read", () => read.enable(kq));
  scenario.step("something to read again", () => {
    send(b, 1);
    read.becomesReady();
  });
  scenario.step("both enabled", () => {
    read.enable(kq);
    write.enable(kq);
  });
  const [first, second] = readFirst ? [read, write] : [write, read];
  scenario.step("the first deleted", () => first.delete(kq));
  scenario.step("the second enabled", () => second.enable(kq));
  scenario.step("filled, drained and sent to, with one watcher", () => {
    fill(a);
    drain(b);
    send(b, 1);
    read.becomesReady();
    write.becomesReady();
  });
  scenario.step("the second deleted", () => second.delete(kq));
}

describeKernels("READ and WRITE of one descriptor", () => {
  for (const [readName, readMode] of Object.entries(MODES)) {
    describe(`READ ${readName}`, () => {
      for (const [writeName, writeMode] of Object.entries(MODES)) {
        for (const order of ["READ", "WRITE"]) {
          it(`R38 WRITE ${writeName}, ${order} added first`, () => {
            run(readMode, writeMode, order === "READ");
          });
        }
      }
    });
  }

  it("R38 each has its own udata", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    send(b, 1);
    kq.apply(kevRead(a, { udata: 1 }), kevWrite(a, { udata: 2 }));
    kq.apply(kevRead(a, { udata: 3 }));
    const udata = () => kq.poll().map((event) => event.udata).sort();
    assertEquals(udata(), [2n, 3n]);
    kq.apply(kevWrite(a, { udata: 4 }));
    assertEquals(udata(), [3n, 4n]);
  });

  it("R38 adding the second does not report the first again", () => {
    for (const order of [[kevRead, kevWrite], [kevWrite, kevRead]]) {
      using fds = new Descriptors();
      using kq = openQueue();
      const [a, b] = fds.socketpair();
      send(b, 1);
      const [first, second] = order;
      const flags = EV_ADD | EV_CLEAR;
      kq.apply(first(a, { flags, udata: 1 }));
      assertEquals(kq.poll().map((event) => event.udata), [1n]);
      kq.apply(second(a, { flags, udata: 2 }));
      assertEquals(kq.poll().map((event) => event.udata), [2n]);
      kq.apply(first(a, { flags: EV_DELETE }));
      assertEquals(kq.poll(), []);
    }
  });

  it("R38 at the end both are reported, and each goes its way", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    kq.apply(kevRead(a, { flags: EV_ADD | EV_ONESHOT }), kevWrite(a));
    fds.close(b);
    const events = kq.poll();
    assertEquals(events.length, 2);
    for (const { flags } of events) assert((flags & EV_EOF) !== 0);
    assertEquals(kq.poll().map(({ filter }) => filter), [EVFILT_WRITE]);
    kq.apply(kevWrite(a, { flags: EV_DELETE }));
    assertEquals(kq.poll(), []);
  });
});
