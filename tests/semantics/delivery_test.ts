import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, assertCode, idents, only } from "./calls.ts";
import {
  Descriptors,
  drain,
  fill,
  read,
  receive,
  send,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const [ONESHOT, CLEAR, DISPATCH] = [EV_ONESHOT, EV_CLEAR, EV_DISPATCH].map(
  (mode) => EV_ADD | mode,
);
const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

describeKernels("delivery", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R11 a level is reported in every call while it holds", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a));
        assertEquals(kq.poll(), []);
        send(b, 3);
        for (let call = 0; call < 5; call++) {
          assertEquals(only(kq.poll()).data, 3n);
        }
        receive(a, 1);
        assertEquals(only(kq.poll()).data, 2n);
        receive(a, 2);
        assertEquals(kq.poll(), []);
      });

      it("R11 a level that no longer holds at the call is not reported", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a), kevWrite(a));
        send(b, 1);
        receive(a, 1);
        fill(a);
        assertEquals(kq.poll(), []);
        assertEquals(kq.wait(1), []);
        drain(b);
        assertEquals(kq.poll().length, 1);
      });

      it("R11 levels of pipes and user events", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader), kevUser(1, { flags: EV_ADD }), trigger(1));
        write(writer, 2);
        for (let call = 0; call < 3; call++) {
          assertEquals(kq.poll().length, 2);
        }
        read(reader, 2);
        assertEquals(idents(kq.poll()), [1]);
        kq.apply(kevUser(1, { flags: EV_DELETE }));
        assertEquals(kq.poll(), []);
      });

      it("R12 EV_ONESHOT delivers once and is gone", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        const flags = ONESHOT;
        kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
        kq.apply(kevUser(1, { flags }), kevTimer(1, 1, { flags }));
        send(b, 1);
        kq.apply(trigger(1));
        const events = kq.poll();
        while (events.length < 4) events.push(...kq.wait());
        for (const { ident, filter, flags } of events) {
          assertEquals(flags & EV_ONESHOT, EV_ONESHOT);
          assertCode(
            () => kq.apply({ ident, filter, flags: EV_DELETE }),
            "ENOENT",
          );
        }
        send(b, 1);
        assertEquals(kq.wait(3), []);
      });

      it("R12 EV_ONESHOT can be added again", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        for (let udata = 1; udata < 5; udata++) {
          kq.apply(kevRead(a, { flags: ONESHOT, udata }));
          assertEquals(only(kq.poll()).udata, BigInt(udata));
          assertEquals(kq.poll(), []);
        }
        kq.apply(kevRead(a));
        assertEquals([kq.poll().length, kq.poll().length], [1, 1]);
      });

      it("R12 EV_ONESHOT stays until it is reported", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: ONESHOT }));
        for (let round = 0; round < 3; round++) {
          send(b, 1);
          receive(a, 1);
          assertEquals(kq.poll(), []);
        }
        send(b, 1);
        assertEquals(only(kq.poll()).data, 1n);
        assertEquals(kq.poll(), []);
      });

      it("R14 EV_DISPATCH is reported once until it is enabled", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: DISPATCH }));
        kq.apply(kevWrite(a, { flags: DISPATCH }));
        kq.apply(kevUser(1, { flags: DISPATCH }), trigger(1));
        send(b, 1);
        for (let round = 1; round < 4; round++) {
          const events = kq.poll();
          assertEquals(events.length, 3);
          assertEquals(kq.poll(), []);
          send(b, 1);
          kq.apply(trigger(1));
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(1), []);
          for (const { ident, filter, flags } of events) {
            assertEquals(flags & EV_DISPATCH, EV_DISPATCH);
            kq.apply({ ident, filter, flags: EV_ENABLE });
          }
        }
      });

      it("R14 EV_DISPATCH on a timer", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1, { flags: DISPATCH }));
        assertEquals(only(kq.wait()).ident, 1n);
        assertEquals(kq.wait(10), []);
        kq.apply(kevTimer(1, 1, { flags: EV_ENABLE }));
        assertEquals(only(kq.wait()).ident, 1n);
        assertEquals(kq.wait(10), []);
      });

      it("R14 a dispatched watcher is still there, to be deleted", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        kq.apply(kevRead(a, { flags: DISPATCH }));
        assertEquals(kq.poll().length, 1);
        kq.apply(kevRead(a, { flags: EV_DELETE }));
        assertCode(() => kq.apply(kevRead(a, { flags: EV_ENABLE })), "ENOENT");
        assertEquals(kq.poll(), []);
      });

      it("R14 EV_DISPATCH with EV_CLEAR reports a change once enabled", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: DISPATCH | EV_CLEAR }));
        send(b, 1);
        assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        send(b, 1);
        assertEquals(kq.poll(), []);
        kq.apply(kevRead(a, { flags: EV_ENABLE }));
        assertEquals(only(kq.poll()).data, 2n);
        assertEquals(kq.poll(), []);
      });

      it("R14 EV_ONESHOT goes before EV_DISPATCH", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevWrite(a, { flags: ONESHOT | DISPATCH }));
        assertEquals(kq.poll().length, 1);
        assertCode(() => kq.apply(kevWrite(a, { flags: EV_ENABLE })), "ENOENT");
      });

      it("R17 several happenings on one watcher are one event", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(a, { flags: CLEAR }), kevRead(reader));
        kq.apply(kevUser(1), kevTimer(2, 1));
        for (let round = 0; round < 4; round++) {
          send(b, 2);
          write(writer, 1);
          kq.apply({ ...trigger(1), data: round });
        }
        const data = new Map<number, bigint>();
        while (!data.has(2)) {
          for (const event of kq.wait()) {
            const ident = Number(event.ident);
            if (!data.has(ident)) data.set(ident, event.data);
          }
        }
        assertEquals(
          [...data.keys()].sort((x, y) => x - y),
          [
            ...new Set([1, 2, a, reader]),
          ].sort((x, y) => x - y),
        );
        assertEquals(
          [data.get(a), data.get(reader), data.get(1)],
          [8n, 4n, 3n],
        );
      });
    });
  }
});
