import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, only } from "./calls.ts";
import {
  Descriptors,
  drain,
  fill,
  receive,
  send,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const CLEAR = EV_ADD | EV_CLEAR;
const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

describeKernels("EV_CLEAR", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R13 EV_CLEAR reports each change of state once", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: CLEAR }));
        assertEquals(kq.poll(), []);
        for (let sent = 1n; sent < 5n; sent++) {
          send(b, 1);
          assertEquals(only(kq.poll()).data, sent);
          assertEquals(kq.poll(), []);
          assertEquals(kq.poll(), []);
        }
        receive(a, 3);
        assertEquals(kq.poll(), []);
        send(b, 1);
        assertEquals(only(kq.poll()).data, 2n);
        assertEquals(kq.poll(), []);
      });

      it("R13 EV_CLEAR reports what held when it was added", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        kq.apply(kevRead(a, { flags: CLEAR }), kevWrite(a, { flags: CLEAR }));
        assertEquals(kq.poll().length, 2);
        assertEquals(kq.poll(), []);
      });

      it("R13 EV_CLEAR says nothing of a change that was undone", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: CLEAR }));
        send(b, 1);
        receive(a, 1);
        assertEquals(kq.poll(), []);
        send(b, 2);
        assertEquals(only(kq.poll()).data, 2n);
      });

      it("R13 EV_CLEAR on a pipe", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader, { flags: CLEAR }));
        for (let written = 1n; written < 4n; written++) {
          write(writer, 1);
          assertEquals(only(kq.poll()).data, written);
          assertEquals(kq.poll(), []);
        }
        fds.close(writer);
        const { flags, data } = only(kq.poll());
        assertEquals([flags & EV_EOF, data], [EV_EOF, 3n]);
        assertEquals(kq.poll(), []);
      });

      it("R13 EV_CLEAR of WRITE reports when there is room again", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevWrite(a, { flags: CLEAR }));
        assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        for (let round = 0; round < 3; round++) {
          fill(a);
          assertEquals(kq.poll(), []);
          drain(b);
          assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        }
      });

      it("R13 EV_CLEAR reports the end once", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: CLEAR }));
        send(b, 1);
        assertEquals(only(kq.poll()).flags & EV_EOF, 0);
        fds.close(b);
        assertEquals(only(kq.poll()).flags & EV_EOF, EV_EOF);
        assertEquals(kq.poll(), []);
      });

      it("R13 EVFILT_USER with EV_CLEAR fires once a trigger", () => {
        using kq = calls.open();
        kq.apply(kevUser(1));
        for (let round = 0; round < 3; round++) {
          kq.apply(trigger(1));
          assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        }
      });

      it("R13 a timer sets EV_CLEAR itself", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 5));
        assertEquals(only(kq.wait()).flags & EV_CLEAR, EV_CLEAR);
      });
    });
  }
});
