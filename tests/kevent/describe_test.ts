import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe as suite, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { inspect } from "node:util";
import * as darwin from "../../constants.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EV_ERROR,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ABSOLUTE,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_FFCOPY,
  NOTE_LOWAT,
  NOTE_SECONDS,
  NOTE_TRIGGER,
} from "../../constants.ts";
import { errno } from "../../ffi.ts";
import {
  describe,
  Kevent64List,
  KeventList,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  Timespec,
} from "../../kevent.ts";
import { Kqueue } from "../../kqueue.ts";
import { Loop } from "../../loop.ts";

// Opened before the tests, whose sanitizers would take the library for a leak.
errno();

const { ECONNREFUSED, ENOENT } = constants.errno;

/** What the consoles of Deno and of Node show. */
const CONSOLES: [string, (value: unknown) => string][] = [
  ["Deno's", (value) => Deno.inspect(value)],
  ["Node's", (value) => inspect(value)],
];

suite("describe()", () => {
  it("names the filter, the flags and the notes of a change", () => {
    assertEquals(
      describe(kevTimer(1, 5, {
        flags: EV_ADD | EV_ONESHOT,
        fflags: NOTE_SECONDS | NOTE_ABSOLUTE,
        udata: 2n ** 64n - 1n,
      })),
      "{ ident: 1, filter: EVFILT_TIMER, flags: EV_ADD | EV_ONESHOT, " +
        "fflags: NOTE_SECONDS | NOTE_ABSOLUTE, data: 5, udata: 18446744073709551615 }",
    );
  });

  it("shows fields that were left out as 0", () => {
    assertEquals(
      describe({ ident: 7n, filter: EVFILT_USER }),
      "{ ident: 7, filter: EVFILT_USER, flags: 0, fflags: 0, data: 0, udata: 0 }",
    );
  });

  it("shows in hexadecimal what has no name, and a filter's number", () => {
    assertEquals(
      describe({ ident: 1, filter: 99, flags: 0x0c01, fflags: 0x30 }),
      "{ ident: 1, filter: 99, flags: EV_ADD | 0xc00, fflags: 0x30, data: 0, udata: 0 }",
    );
  });

  for (
    const [name, filter, fflags, shown] of [
      ["READ", EVFILT_READ, 1, "NOTE_LOWAT"],
      ["TIMER", EVFILT_TIMER, 1, "NOTE_SECONDS"],
      ["VNODE", EVFILT_VNODE, 1, "NOTE_DELETE"],
      ["PROC", EVFILT_PROC, 1, "NOTE_TRACK"],
      ["USER", EVFILT_USER, 1, "0x1"],
      [
        "USER",
        EVFILT_USER,
        NOTE_TRIGGER | NOTE_FFCOPY | 0xab,
        "NOTE_FFCOPY | NOTE_TRIGGER | 0xab",
      ],
      [
        "PROC",
        EVFILT_PROC,
        NOTE_EXIT | NOTE_EXITSTATUS,
        "NOTE_EXIT | NOTE_EXITSTATUS",
      ],
    ] as const
  ) {
    it(`knows what fflags of ${fflags} mean to ${name}`, () => {
      const text = describe({ ident: 1, filter, fflags });
      assertStringIncludes(text, `fflags: ${shown},`);
    });
  }

  it("R7 names the errno of a record with EV_ERROR, and shows a receipt's 0", () => {
    const failed = { ident: 1, filter: EVFILT_USER, flags: EV_ERROR };
    assertStringIncludes(
      describe({ ...failed, data: ENOENT }),
      "flags: EV_ERROR, fflags: 0, data: ENOENT,",
    );
    assertStringIncludes(describe({ ...failed, data: 0n }), "data: 0,");
  });

  it("R32 names a socket's error, which comes with EV_EOF", () => {
    for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
      const event = { ident: 1, filter, flags: EV_EOF, fflags: ECONNREFUSED };
      assertStringIncludes(describe(event), "fflags: ECONNREFUSED,");
    }
    const more = { ident: 1, filter: EVFILT_READ, fflags: NOTE_LOWAT };
    assertStringIncludes(describe(more), "fflags: NOTE_LOWAT,");
  });

  it("shows ext where there is something in it", () => {
    const change = { ident: 1, filter: EVFILT_TIMER, ext: [0, 7] as const };
    assertStringIncludes(describe(change), "udata: 0, ext: [0, 7] }");
    const [event] = Kevent64List.from([kevUser(1)]);
    assertMatch(describe(event), /udata: 0 }$/);
  });

  it("has a name for every filter and flag of the header", () => {
    const compound = ["EV_DISPATCH2", "EV_SYSFLAGS", "EV_FLAG0", "EV_FLAG1"];
    for (const [name, value] of Object.entries(darwin)) {
      if (name.startsWith("EVFILT_")) {
        assertStringIncludes(describe({ ident: 1, filter: value }), name);
      } else if (name.startsWith("EV_") && !compound.includes(name)) {
        const change = { ident: 1, filter: EVFILT_USER, flags: value };
        assertStringIncludes(describe(change), `flags: ${name},`);
      }
    }
  });

  it("has a name for each note of the builders", () => {
    assertStringIncludes(
      describe(kevVnode(1)),
      "fflags: NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME | NOTE_REVOKE,",
    );
    assertStringIncludes(describe(kevProc(1)), "fflags: NOTE_EXIT,");
  });
});

for (const [whose, show] of CONSOLES) {
  suite(`${whose} console shows`, () => {
    it("a list's records", () => {
      const list = KeventList.from([kevRead(5, { udata: 42 })]);
      assertEquals(
        show(list),
        "KeventList(1 of 1) [\n" +
          "  { ident: 5, filter: EVFILT_READ, flags: EV_ADD, fflags: 0, data: 0, udata: 42 },\n" +
          "]",
      );
      assertEquals(show(new Kevent64List(8)), "Kevent64List(0 of 8) []");
    });

    it("the first hundred of many", () => {
      const list = new KeventList(300);
      for (let ident = 0; ident < 250; ident++) list.push(kevUser(ident));
      const lines = show(list).split("\n");
      assertEquals(lines.length, 103);
      assertEquals(lines[101], "  ... 150 more");
    });

    it("a queue, its events, and that it is closed", () => {
      const kq = new Kqueue({ capacity: 4 });
      assertEquals(show(kq), `Kqueue { fd: ${kq.fd}, capacity: 4 }`);
      const adopted = Kqueue.fromFd(kq.fd);
      assertEquals(
        show(adopted),
        `Kqueue { fd: ${kq.fd}, of another owner, capacity: 256 }`,
      );
      kq.apply(kevUser(1));
      kq.trigger(1, { udata: 7 });
      assertEquals(
        show(kq.poll()),
        "Kevent64List(1 of 4) [\n" +
          `  { ident: 1, filter: EVFILT_USER, flags: ${flagsOfUser()}, fflags: 0, data: 0, udata: 7 },\n` +
          "]",
      );
      kq.close();
      assertEquals(show(kq), "Kqueue { closed }");
    });

    it("a loop and a watch", async () => {
      const loop = new Loop();
      const watch = loop.on(kevUser(3), () => {});
      assertEquals(show(loop), `Loop { fd: ${loop.fd}, watches: 1 }`);
      const what = "ident: 3, filter: EVFILT_USER";
      assertEquals(show(watch), `Watch { ${what}, active: true }`);
      await loop[Symbol.asyncDispose]();
      assertEquals(show(loop), "Loop { closed }");
      assertEquals(show(watch), `Watch { ${what}, active: false }`);
    });

    it("a timespec", () => {
      const timespec = Timespec.fromMilliseconds(1500);
      assertEquals(show(timespec), "Timespec { sec: 1, nsec: 500000000 }");
    });
  });
}

/** A change of a Kqueue goes with EV_RECEIPT, and events have the flags of the registration (R16). */
function flagsOfUser(): string {
  const flags = {
    ident: 1,
    filter: EVFILT_USER,
    flags: EV_ADD | EV_CLEAR | EV_RECEIPT,
  };
  return describe(flags).split("flags: ")[1].split(", ")[0];
}
