import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_FFCOPY,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, assertCode, elapse, idents, only } from "./calls.ts";
import { Descriptors, drain, fill, receive, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

const MODES = { "a level": 0, "EV_CLEAR": EV_CLEAR, "EV_ONESHOT": EV_ONESHOT };

describeKernels("disabled watchers", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (const [name, mode] of Object.entries(MODES)) {
        const flags = EV_ADD | EV_DISABLE | mode;

        it(`R15 what comes while disabled is reported then, ${name}`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
          kq.apply(kevUser(1, { flags }));
          send(b, 2);
          kq.apply(trigger(1));
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(1), []);
          kq.apply(
            kevRead(a, { flags: EV_ENABLE, udata: 1 }),
            kevWrite(a, { flags: EV_ENABLE, udata: 2 }),
            kevUser(1, { flags: EV_ENABLE, udata: 3 }),
          );
          const udata = kq.poll().map((event) => event.udata).sort();
          assertEquals(udata, [1n, 2n, 3n]);
          assertEquals(kq.poll().length, mode === 0 ? 3 : 0);
        });

        it(`R15 what no longer holds is not, ${name}`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
          send(b, 2);
          assertEquals(kq.poll(), []);
          receive(a, 2);
          fill(a);
          kq.apply(
            kevRead(a, { flags: EV_ENABLE }),
            kevWrite(a, { flags: EV_ENABLE }),
          );
          assertEquals(kq.poll(), []);
          send(b, 1);
          assertEquals(only(kq.poll()).data, 1n);
        });

        it(`R15 disabling takes back what was not reported, ${name}`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          kq.apply(kevRead(a, { flags: EV_ADD | mode }));
          kq.apply(kevUser(1, { flags: EV_ADD | mode }));
          send(b, 1);
          kq.apply(trigger(1));
          kq.apply(kevRead(a, { flags: EV_DISABLE }));
          kq.apply(kevUser(1, { flags: EV_DISABLE }));
          assertEquals(kq.poll(), []);
          kq.apply(kevRead(a, { flags: EV_ENABLE }));
          kq.apply(kevUser(1, { flags: EV_ENABLE }));
          assertEquals(kq.poll().length, 2);
        });
      }

      it("R15 the end that came meanwhile is reported", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: EV_ADD | EV_DISABLE | EV_CLEAR }));
        send(b, 1);
        fds.close(b);
        assertEquals(kq.poll(), []);
        kq.apply(kevRead(a, { flags: EV_ENABLE }));
        const { flags, data } = only(kq.poll());
        assertEquals([flags & EV_EOF, data], [EV_EOF, 1n]);
      });

      it("R15 a disabled one does not hurt when its peer is gone", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [reader, writer] = fds.pipe();
        const [a, b] = fds.socketpair();
        const flags = EV_ADD | EV_DISABLE;
        kq.apply(kevRead(reader, { flags }), kevRead(a, { flags }));
        kq.apply(kevWrite(a, { flags }));
        fds.close(writer, b);
        assertEquals(kq.poll(), []);
        const before = performance.now();
        assertEquals(kq.wait(20), []);
        assertEquals(performance.now() - before >= 20, true);
      });

      it("R15 triggers of a disabled user event are one", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { flags: EV_ADD | EV_CLEAR | EV_DISABLE }));
        kq.apply(trigger(1), trigger(1), trigger(1));
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(1, { flags: EV_ENABLE, fflags: NOTE_FFCOPY | 5 }));
        assertEquals(only(kq.poll()).fflags, 5);
        assertEquals(kq.poll(), []);
      });

      it("R15 a disabled timer is silent, and enabling starts it", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1, { flags: EV_ADD | EV_DISABLE }));
        elapse(5);
        assertEquals(kq.poll(), []);
        kq.apply(kevTimer(1, 1, { flags: EV_ENABLE, udata: 4 }));
        assertEquals(only(kq.wait()).udata, 4n);
      });

      it("R15 disabled twice, enabled once", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevWrite(a));
        kq.apply(kevWrite(a, { flags: EV_DISABLE }));
        kq.apply(kevWrite(a, { flags: EV_DISABLE }));
        assertEquals(kq.poll(), []);
        kq.apply(kevWrite(a, { flags: EV_ENABLE }));
        assertEquals(kq.poll().length, 1);
        kq.apply(kevWrite(a, { flags: EV_ENABLE }));
        assertEquals(kq.poll().length, 1);
      });

      it("R15 a disabled watcher can be deleted", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevWrite(a, { flags: EV_ADD | EV_DISABLE }));
        kq.apply(kevWrite(a, { flags: EV_DELETE }));
        assertCode(() => kq.apply(kevWrite(a, { flags: EV_ENABLE })), "ENOENT");
        kq.apply(kevWrite(a));
        assertEquals(idents(kq.poll()), [a]);
      });

      it("R15 the other filter's watcher stays enabled", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a), kevWrite(a));
        kq.apply(kevWrite(a, { flags: EV_DISABLE }));
        assertEquals(kq.poll(), []);
        send(b, 1);
        assertEquals(only(kq.poll()).data, 1n);
        kq.apply(kevWrite(a, { flags: EV_ENABLE }));
        kq.apply(kevRead(a, { flags: EV_DISABLE }));
        fill(a);
        assertEquals(kq.poll(), []);
        drain(b);
        assertEquals(kq.poll().length, 1);
      });
    });
  }
});
