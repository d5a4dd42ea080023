import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  kevRead,
  kevUser,
  Kqueue,
  NOTE_TRIGGER,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue, PATIENCE } from "./calls.ts";
import { Descriptors, outOfDescriptors, write } from "./descriptors.ts";

import { Subjects, tryApply, USES } from "./filters.ts";

describe("limits of every filter", () => {
  for (const [title, use] of Object.entries(USES)) {
    it(`R102 ${title} when there are no descriptors left`, () => {
      using subjects = new Subjects();
      using kq = openQueue();
      const [reader, writer] = subjects.pipe();
      kq.apply(kevRead(reader), kevUser(7, { flags: EV_ADD | EV_CLEAR }));
      const change = use.change(subjects);
      let isAdded = false;
      outOfDescriptors(() => {
        for (let i = 0; i < 3; i++) isAdded = tryApply(() => kq.apply(change));
        write(writer, 1);
        kq.apply(kevUser(7, { fflags: NOTE_TRIGGER }));
        const others = kq.poll().filter(({ ident, filter }) =>
          ident !== BigInt(change.ident) || filter !== change.filter
        );
        assertEquals(idents(others), [7, reader]);
      });
      posix.read(reader, new Uint8Array(1));
      if (!isAdded) {
        const deleting = { ...change, flags: EV_DELETE };
        assertCode(() => kq.apply(deleting), "ENOENT");
        assertEquals(kq.poll(), []);
        kq.apply(change);
      }
      use.fire?.(subjects);
      const { ident, filter } = only(kq.wait());
      assertEquals([ident, filter], [BigInt(change.ident), change.filter]);
    });
  }

  it("R102 a file that lives on when there are no descriptors left", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    const [idle] = fds.pipe();
    kq.apply(kevRead(reader), kevUser(7));
    fds.dup(reader);
    write(writer, 1);
    assertEquals(idents(kq.wait()), [reader]);
    outOfDescriptors(() => {
      fds.closeBehind(reader);
      assertEquals(fds.dup(idle), reader);
      for (let i = 0; i < 3; i++) {
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(7, { fflags: NOTE_TRIGGER }));
        assertEquals(idents(kq.wait()), [7]);
      }
    });
    assertEquals(kq.wait(5), []);
  });

  it("R102 a waitAsync when there are no descriptors left", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(7));
    let waiting: Promise<unknown> = Promise.resolve();
    outOfDescriptors(() => {
      waiting = kq.waitAsync({ timeoutMs: 50 }).catch((error) => error);
    });
    const result = await waiting;
    if (result instanceof Error) {
      tryApply(() => {
        throw result;
      });
    }
    const next = kq.waitAsync({ timeoutMs: PATIENCE });
    kq.trigger(7);
    assertEquals(idents(await next), [7]);
  });
});
