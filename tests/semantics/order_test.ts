import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ONESHOT,
  type Kevent,
  type KeventInit,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from "../../mod.ts";
import {
  ALL_CALLS,
  elapse,
  idents,
  openQueue,
  type TestQueue,
} from "./calls.ts";
import { Descriptors, send, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const key = ({ filter, ident }: Kevent | KeventInit) => `${filter}:${ident}`;

/** Makes ready watchers of all kinds, READ and WRITE on the same descriptors. */
function readyMix(fds: Descriptors, mode = 0): KeventInit[] {
  const flags = EV_ADD | mode;
  const changes: KeventInit[] = [];
  for (let pair = 0; pair < 3; pair++) {
    const [a, b] = fds.socketpair();
    send(b, 1);
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    changes.push(
      kevRead(a, { flags }),
      kevWrite(a, { flags }),
      kevUser(pair, { flags, fflags: NOTE_TRIGGER }),
      kevRead(reader, { flags }),
      kevWrite(writer, { flags }),
      kevTimer(pair, 0, { flags }), // fires once
    );
  }
  return changes;
}

/** So many calls, none of which waits. */
function collect(kq: TestQueue, calls: number, room: number): string[] {
  const keys: string[] = [];
  for (let call = 0; call < calls; call++) {
    const events = kq.poll();
    assert(events.length <= room, `${events.length} events for ${room}`);
    keys.push(...events.map(key));
  }
  return keys;
}

const MODES = {
  "levels": 0,
  "EV_CLEAR": EV_CLEAR,
  "EV_ONESHOT": EV_ONESHOT,
  "EV_DISPATCH": EV_DISPATCH,
};

/** The same changes in several orders. */
function orders(changes: KeventInit[]): KeventInit[][] {
  const even = changes.filter((_, index) => index % 2 === 0);
  const odd = changes.filter((_, index) => index % 2 === 1);
  return [changes, changes.toReversed(), [...even, ...odd], [...odd, ...even]];
}

describeKernels("many ready watchers", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (const room of [1, 2, 3, 5, 17]) {
        for (const [name, mode] of Object.entries(MODES)) {
          it(`R18 with room for ${room} all are reported, ${name}`, () => {
            for (let order = 0; order < 4; order++) {
              using fds = new Descriptors();
              using kq = calls.open(room);
              const changes = orders(readyMix(fds, mode))[order];
              kq.apply(...changes);
              const count = Math.ceil(changes.length / room);
              const got = collect(kq, count, room);
              const all = new Set(changes.map(key));
              assertEquals(new Set(got), all, `order ${order}`);
              if (mode === 0) continue;
              assertEquals(got.length, all.size, `order ${order}`);
              assertEquals(kq.poll(), []);
            }
          });
        }
      }

      it("R18 levels are dealt out in turn, again and again", () => {
        using fds = new Descriptors();
        using kq = calls.open(1);
        const changes = readyMix(fds).filter(({ filter }) => filter !== -7);
        kq.apply(...changes);
        const all = new Set(changes.map(key));
        for (let round = 0; round < 4; round++) {
          assertEquals(new Set(collect(kq, all.size, 1)), all);
        }
      });

      it("R18 one that became ready late is reported in its turn", () => {
        using fds = new Descriptors();
        using kq = calls.open(1);
        const changes = readyMix(fds).filter(({ filter }) => filter !== -7);
        const [a, b] = fds.socketpair();
        kq.apply(...changes, kevRead(a));
        collect(kq, 5, 1);
        send(b, 1);
        const got = collect(kq, changes.length + 1, 1);
        assert(got.includes(key(kevRead(a))));
      });

      it("R18 a timer that is always due starves nobody", () => {
        using fds = new Descriptors();
        using kq = calls.open(1);
        const changes = readyMix(fds).filter(({ filter }) => filter !== -7);
        kq.apply(kevTimer(1, 1, { fflags: NOTE_USECONDS }), ...changes);
        elapse(1);
        const got = new Set(collect(kq, changes.length + 1, 1));
        assertEquals(changes.map(key).filter((one) => !got.has(one)), []);
        assert(got.has(key(kevTimer(1, 1))), "the timer was not reported");
      });

      it("R18 a user event that is triggered each time starves nobody", () => {
        using fds = new Descriptors();
        using kq = calls.open(1);
        const changes = readyMix(fds).filter(({ filter }) => filter !== -7);
        kq.apply(...changes, kevUser(99));
        const got = new Set<string>();
        for (let call = 0; call <= changes.length; call++) {
          kq.apply(kevUser(99, { flags: 0, fflags: NOTE_TRIGGER }));
          for (const event of kq.poll()) got.add(key(event));
        }
        assertEquals(changes.map(key).filter((one) => !got.has(one)), []);
      });

      it("R100 what had no room is returned later, however late", () => {
        using fds = new Descriptors();
        using kq = calls.open(4);
        const changes = readyMix(fds, EV_CLEAR);
        kq.apply(...changes);
        const got = kq.poll().map(key);
        elapse(3);
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader));
        write(writer, 1);
        while (got.length < changes.length + 1) {
          const keys = kq.poll().map(key);
          assert(keys.length > 0, `lost: only ${got}`);
          got.push(...keys.filter((one) => !got.includes(one)));
        }
        const all = [...changes, kevRead(reader)].map(key);
        assertEquals(new Set(got), new Set(all));
      });
    });
  }

  it("R18 a large list takes all at once", () => {
    using fds = new Descriptors();
    using kq = openQueue(64);
    const changes = readyMix(fds);
    kq.apply(...changes);
    assertEquals(
      new Set(kq.poll().map(key)),
      new Set(changes.map(key)),
    );
  });

  it("R100 deleting a ready watcher loses none that came before or after it", () => {
    for (const deleted of [1, 2, 3]) {
      using kq = openQueue();
      const user = (ident: number, flags = 0, fflags = NOTE_TRIGGER) =>
        kevUser(ident, { flags, fflags });
      kq.apply(...[1, 2, 3].map((ident) => user(ident, EV_ADD | EV_CLEAR, 0)));
      // What was reported long ago goes before what was reported now.
      for (const ident of [3, 2]) {
        kq.apply(user(ident));
        assertEquals(idents(kq.poll()), [ident]);
      }
      for (const ident of [2, 1, 3]) kq.apply(user(ident));
      kq.apply(user(deleted, EV_DELETE, 0));
      const others = [1, 2, 3].filter((ident) => ident !== deleted);
      assertEquals(idents(kq.poll()), others);
    }
  });

  it("R100 deleting a timer that has expired loses no other timer", () => {
    using kq = openQueue();
    kq.apply(kevTimer(1, 20), kevTimer(2, 0));
    kq.apply(kevTimer(2, 0, { flags: EV_DELETE }));
    assertEquals(idents(kq.wait()), [1]);
  });
});
