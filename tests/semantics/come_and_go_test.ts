import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  kevProc,
  kevRead,
  kevSignal,
  kevUser,
  kevVnode,
  Kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_TRACK,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { Descriptors, write } from "./descriptors.ts";

import {
  assertIdle,
  countDescriptors,
  openFile,
  QUEUES,
  SIGURG,
  Subjects,
  turn,
  USES,
} from "./filters.ts";
import { IS_LINUX } from "../system.ts";

describe("watchers of every filter that come and go", () => {
  for (const [title, use] of Object.entries(USES)) {
    it(`R101 ${title} that is disabled keeps nobody busy`, () => {
      using subjects = new Subjects();
      using kq = openQueue();
      const flags = EV_ADD | EV_DISABLE;
      kq.apply({ ...use.change(subjects), flags });
      use.fire?.(subjects);
      assertEquals(kq.wait(20), []);
      assertIdle(kq);
    });
  }

  it("R101 an inner queue that was drained keeps nobody busy", () => {
    using subjects = new Subjects();
    using kq = openQueue();
    const { inner } = subjects;
    kq.apply(kevRead(inner.fd));
    inner.apply(kevUser(1, { fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.wait()), [inner.fd]);
    assertEquals(inner.poll().length, 1);
    assertIdle(kq);
    inner.apply(kevUser(2, { fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.wait()), [inner.fd]);
    inner.apply(kevUser(2, { flags: EV_DELETE }));
    assertIdle(kq);
  });

  it("R101 watchers that come and go leave nothing behind", () => {
    using subjects = new Subjects();
    using kq = openQueue();
    const changes = Object.values(USES).map(({ change }) => change(subjects));
    const { child } = subjects;
    const turnOver = () => {
      kq.apply(...changes);
      assert(kq.poll().length > 0);
      kq.apply(...changes.map((change) => ({ ...change, flags: EV_DELETE })));
      const refused = kevProc(child, { fflags: NOTE_TRACK });
      assertCode(() => kq.apply(refused), "ENOTSUP");
    };
    turnOver();
    const descriptors = countDescriptors();
    for (let i = 0; i < 200; i++) turnOver();
    assertEquals(countDescriptors(), descriptors);
    assertEquals(kq.poll(), []);
  });

  it(`R101 ${QUEUES} queues of all filters leave nothing behind`, async () => {
    using subjects = new Subjects();
    const changes = Object.values(USES).map(({ change }) => change(subjects));
    const simple = changes.filter(({ ident }) => ident !== subjects.file);
    const use = (number: number) => {
      using kq = new Kqueue({ capacity: 16 });
      // Linux takes milliseconds to close an inotify descriptor.
      kq.apply(number % 20 === 0 ? changes : simple);
      kq.apply(kevSignal(SIGURG));
      using outer = new Kqueue({ capacity: 1 });
      outer.apply(kevRead(kq.fd));
      assert(kq.poll().length > 0);
    };
    const useMany = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        use(i);
        // Deno's own part of a signal's listener ends when its event loop turns.
        if (i % 100 === 99) await turn();
      }
    };
    await useMany(0, QUEUES / 10);
    const descriptors = countDescriptors();
    const { rss } = Deno.memoryUsage();
    await useMany(QUEUES / 10, QUEUES);
    assertEquals(countDescriptors(), descriptors);
    const grown = Deno.memoryUsage().rss - rss;
    // What V8 has not collected yet counts as well; a queue that stayed would take more.
    assertLess(grown, 256 * 2 ** 20, "bytes of memory");
  });

  it("R100 an overflow of inotify's queue loses no watcher", {
    ignore: !IS_LINUX,
  }, () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [first, second, third, untouched] = [1, 2, 3, 4].map(() =>
      openFile(fds)
    );
    const wanted = NOTE_WRITE | NOTE_ATTRIB | NOTE_DELETE;
    const watched = [first, second, untouched];
    kq.apply(...watched.map((fd) => kevVnode(fd, { fflags: wanted })));
    kq.apply(kevRead(third));
    // One after the other: the same thing twice would be kept as one.
    for (let i = 0; i <= maxQueuedEvents(); i += 2) {
      write(first, 1);
      write(second, 1);
    }
    write(third, 5);
    posix.lseek(third, 0);

    const happened = new Map<number, number>();
    for (let events = kq.wait(); events.length > 1; events = kq.poll()) {
      for (const { ident, fflags } of events) {
        const fd = Number(ident);
        happened.set(fd, (happened.get(fd) ?? 0) | fflags);
      }
    }
    assertEquals(watched.map((fd) => happened.get(fd)), [
      wanted,
      wanted,
      wanted,
    ]);
    assertEquals(idents(kq.poll()), [third]);

    posix.read(third, new Uint8Array(5));
    assertEquals(kq.poll(), []);
    write(second, 1);
    const { ident, fflags } = only(kq.wait());
    assertEquals([ident, fflags], [BigInt(second), NOTE_WRITE]);
  });
});

/** How many happenings inotify keeps before it drops them. */
function maxQueuedEvents(): number {
  const fd = posix.open("/proc/sys/fs/inotify/max_queued_events");
  const text = new Uint8Array(32);
  const length = posix.read(fd, text) ?? 0;
  posix.close(fd);
  return Number(new TextDecoder().decode(text.subarray(0, length)));
}
