import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { idents, only, openQueue } from "./calls.ts";
import { describeKernels } from "./kernels.ts";
import { Terminal } from "./terminal.ts";

function write(fd: number, text: string): void {
  assertEquals(posix.write(fd, new TextEncoder().encode(text)), text.length);
}

/** What one read gives. */
function read(fd: number): string {
  const buffer = new Uint8Array(256);
  const count = posix.read(fd, buffer);
  assert(count !== null);
  return new TextDecoder().decode(buffer.subarray(0, count));
}

describeKernels("terminals", () => {
  it("R40 READ reports a line, data the bytes of the next read", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave, { udata: 4 }));
    assertEquals(kq.poll(), []);
    for (const line of ["ls -l\n", "\n", "make\n"]) {
      write(master, line);
      const { ident, filter, data, udata } = only(kq.wait());
      assertEquals([ident, filter, udata], [BigInt(slave), EVFILT_READ, 4n]);
      assertEquals(data, BigInt(line.length));
      assertEquals(only(kq.poll()).data, data);
      assertEquals(read(slave), line);
      assertEquals(kq.poll(), []);
    }
  });

  it("R40 a line that has not ended is nothing to read yet", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave));
    write(master, "abc");
    assertEquals(kq.wait(20), []);
    write(master, "def\n");
    assertEquals(only(kq.wait()).data, 7n);
    assertEquals(read(slave), "abcdef\n");
  });

  it("R40 the other side reads what programs write", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(master));
    assertEquals(kq.poll(), []);
    write(slave, "hello");
    let text = "";
    while (text.length < 5) {
      const { data } = only(kq.wait());
      assert(data > 0n);
      text += read(master);
    }
    assertEquals(text, "hello");
    assertEquals(kq.poll(), []);
  });

  it("R40 what is typed comes back to the other side as well", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(master), kevRead(slave));
    write(master, "a\n");
    let [typed, echoed] = ["", ""];
    while (typed.length < 2 || echoed.length < 3) {
      const ready = idents(kq.wait());
      assert(ready.length > 0);
      if (ready.includes(slave)) typed += read(slave);
      if (ready.includes(master)) echoed += read(master);
    }
    assertEquals([typed, echoed], ["a\n", "a\r\n"]);
    assertEquals(kq.poll(), []);
  });

  it("R40 an end of file that is typed is to be read", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave));
    write(master, "\x04");
    assertEquals(kq.wait().length, 1);
    assertEquals(read(slave), "");
    assertEquals(kq.poll(), []);
  });

  it("R40 WRITE reports room on the slave's side", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    kq.apply(kevWrite(terminal.slave));
    const { ident, data, flags } = only(kq.wait());
    assertEquals(ident, BigInt(terminal.slave));
    assert(data > 0n);
    assertEquals(flags & EV_EOF, 0);
  });

  it("R40 WRITE reports that there is room on the master's, data 0", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    kq.apply(kevWrite(terminal.master));
    const { ident, data, flags } = only(kq.wait());
    assertEquals(ident, BigInt(terminal.master));
    assertEquals([data, flags & EV_EOF], [0n, 0]);
  });

  it("R13 EV_CLEAR reports each line once", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave, { flags: EV_ADD | EV_CLEAR }));
    for (const line of ["one\n", "three\n"]) {
      write(master, line);
      assertEquals(only(kq.wait()).data, BigInt(line.length));
      // Linux may wake its readers twice for one line, as long as that is there.
      assertEquals(read(slave), line);
      assertEquals(kq.poll(), []);
    }
  });

  it("R12 EV_ONESHOT delivers once and is gone", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave, { flags: EV_ADD | EV_ONESHOT }));
    write(master, "one\n");
    assertEquals(kq.wait().length, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(slave));
    assertEquals(kq.wait().length, 1);
    kq.apply(kevRead(slave, { flags: EV_DELETE }));
    assertEquals(kq.poll(), []);
  });

  it("R14 EV_DISPATCH delivers once and is disabled", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave, { flags: EV_ADD | EV_DISPATCH }));
    write(master, "one\n");
    assertEquals(kq.wait().length, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(slave, { flags: EV_ENABLE, udata: 1 }));
    assertEquals(only(kq.wait()).udata, 1n);
    assertEquals(kq.poll(), []);
  });

  it("R9 closing the terminal's descriptor removes its watcher", () => {
    using terminal = new Terminal();
    using kq = openQueue();
    const { master, slave } = terminal;
    kq.apply(kevRead(slave));
    write(master, "one\n");
    assertEquals(kq.wait().length, 1);
    terminal.close(slave);
    assertEquals(kq.poll(), []);
  });
});
