import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_VNODE,
  kevRead,
  kevVnode,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { openSystem } from "./descriptors.ts";
import { assertNotes, Folder, notes, watch } from "./vnode_folder.ts";

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));

describe("EVFILT_VNODE", () => {
  it("R91 a directory is quiet when what its entries hold changes", () => {
    using folder = new Folder();
    using kq = openQueue();
    folder.run("mkdir folder; create folder/inner");
    kq.apply(kevVnode(folder.openFolder("folder")));
    folder.run("write folder/inner 5; chmod folder/inner 600");
    assertEquals(kq.poll(), []);
  });

  it("R91 a directory's removal is reported wherever it has been moved", () => {
    using folder = new Folder();
    using kq = openQueue();
    folder.run("mkdir first; mkdir second; mkdir to");
    const [first, second] = ["first", "second"].map((name) =>
      folder.openFolder(name)
    );
    for (const fd of [first, second]) kq.apply(watch(fd, "DELETE RENAME"));
    folder.run("rmdir first");
    assertNotes(kq.wait(), "DELETE LINK");
    folder.run("rename second to/moved");
    assertNotes(kq.wait(), "RENAME");
    folder.run("rmdir to/moved");
    assertNotes(kq.wait(), "DELETE LINK");
  });

  it("R90 a descriptor that is not open is EBADF", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = folder.file();
    folder.close(fd);
    assertCode(() => kq.apply(kevVnode(fd)), "EBADF");
    assertCode(() => kq.apply(kevVnode(fd, { flags: EV_DELETE })), "ENOENT");
  });

  it("R92 without EV_CLEAR what happened stays, and accumulates", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fflags = notes("WRITE ATTRIB RENAME");
    kq.apply(kevVnode(folder.file(), { flags: EV_ADD, fflags }));
    folder.run("write file 4");
    for (let i = 0; i < 3; i++) assertNotes(kq.wait(), "WRITE");
    folder.run("chmod file 600");
    for (let i = 0; i < 3; i++) assertNotes(kq.wait(), "WRITE ATTRIB");
    folder.run("rename file other");
    for (let i = 0; i < 3; i++) assertNotes(kq.wait(), "WRITE ATTRIB RENAME");
  });

  it("R92 with EV_CLEAR each report resets what it reported", () => {
    using folder = new Folder();
    using kq = openQueue();
    kq.apply(watch(folder.file(), "WRITE ATTRIB"));
    for (let i = 0; i < 3; i++) {
      folder.run("write file 4");
      assertNotes(kq.wait(), "WRITE");
      folder.run(`chmod file 60${i}`);
      assertNotes(kq.wait(), "ATTRIB");
      assertEquals(kq.poll(), []);
    }
  });

  it("R17 all that happened between two calls is one event", () => {
    using folder = new Folder();
    using kq = openQueue();
    kq.apply(watch(folder.file(), "WRITE ATTRIB RENAME DELETE LINK"));
    for (let i = 0; i < 100; i++) folder.run("write file 4");
    folder.run("chmod file 600; rename file other; unlink other");
    assertNotes(kq.wait(), "WRITE ATTRIB RENAME DELETE LINK");
    assertEquals(kq.poll(), []);
  });

  it("R15 what happens while it is disabled accumulates", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = folder.file();
    const change = watch(fd, "WRITE ATTRIB");
    kq.apply({ ...change, flags: EV_ADD | EV_CLEAR | EV_DISABLE });
    for (const command of ["write file 4", "chmod file 600"]) {
      folder.run(command);
      assertEquals(kq.poll(), []);
    }
    kq.apply({ ...change, flags: EV_ENABLE, udata: 2 });
    const events = kq.wait();
    assertNotes(events, "WRITE ATTRIB");
    assertEquals(events[0].udata, 2n);
    assertEquals(kq.poll(), []);
  });

  it("R12 EV_ONESHOT delivers once and is gone", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = folder.file();
    kq.apply({ ...watch(fd, "WRITE"), flags: EV_ADD | EV_ONESHOT });
    folder.run("write file 4");
    assertNotes(kq.wait(), "WRITE");
    folder.run("write file 4");
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(kevVnode(fd, { flags: EV_DELETE })), "ENOENT");
  });

  it("R14 EV_DISPATCH delivers once and is disabled", () => {
    using folder = new Folder();
    using kq = openQueue();
    const change = watch(folder.file(), "WRITE ATTRIB");
    kq.apply({ ...change, flags: EV_ADD | EV_CLEAR | EV_DISPATCH });
    folder.run("write file 4");
    assertNotes(kq.wait(), "WRITE");
    folder.run("chmod file 600");
    assertEquals(kq.poll(), []);
    kq.apply({ ...change, flags: EV_ENABLE });
    assertNotes(kq.wait(), "ATTRIB");
  });

  it("R93 goes on after a rename, and knows no new file of its name", () => {
    using folder = new Folder();
    using kq = openQueue();
    kq.apply(watch(folder.file(), "WRITE RENAME DELETE LINK"));
    for (const name of ["second", "third"]) {
      folder.run(`rename ${name === "second" ? "file" : "second"} ${name}`);
      assertNotes(kq.wait(), "RENAME");
      folder.run("create file; write file 4; unlink file");
      assertEquals(kq.poll(), []);
      folder.run(`write ${name} 4`);
      assertNotes(kq.wait(), "WRITE");
    }
  });

  it("R93 goes on after the last unlink, for as long as it is open", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = folder.file();
    kq.apply(watch(fd, "WRITE ATTRIB DELETE LINK"));
    folder.run("unlink file");
    assertNotes(kq.wait(), "DELETE LINK");
    posix.write(fd, new Uint8Array(4));
    assertNotes(kq.wait(), "WRITE");
    posix.fchmod(fd, 0o600);
    assertNotes(kq.wait(), "ATTRIB");
  });

  it("R93 is told of changes by all of the file's names", () => {
    using folder = new Folder();
    using kq = openQueue();
    folder.file();
    folder.run("link file other");
    kq.apply(kevVnode(folder.open("other")));
    folder.run("write file 4");
    assertNotes(kq.wait(), "WRITE");
  });

  it("R93 each descriptor of a file has a watcher of its own", () => {
    using folder = new Folder();
    using kq = openQueue();
    const first = folder.file();
    const [second, third] = [folder.open("file"), folder.dup(first)];
    kq.apply(
      watch(first, "WRITE"),
      watch(second, "WRITE ATTRIB"),
      watch(third, "ATTRIB"),
    );
    folder.run("write file 4");
    assertEquals(idents(kq.wait()), [first, second]);
    folder.run("chmod file 600");
    assertEquals(idents(kq.wait()), [second, third]);
    kq.apply(kevVnode(second, { flags: EV_DELETE }));
    folder.run("write file 4");
    assertEquals(idents(kq.wait()), [first]);
    folder.close(first);
    folder.run("write file 4; chmod file 644");
    assertEquals(idents(kq.wait()), [third]);
    kq.apply(watch(second, "WRITE"));
    folder.run("write file 4");
    assertEquals(idents(kq.wait()), [second]);
  });

  it("R93 watchers of one file, of what it holds and of what holds it are apart", () => {
    using folder = new Folder();
    using kq = openQueue();
    folder.run("mkdir outer; mkdir outer/inner");
    const file = folder.file("outer/inner/file");
    const [outer, inner] = ["outer", "outer/inner"].map((name) =>
      folder.openFolder(name)
    );
    for (const fd of [outer, inner, file]) kq.apply(kevVnode(fd));
    kq.apply(kevRead(file, { flags: EV_ADD | EV_CLEAR }));
    assertEquals(only(kq.poll()).filter, EVFILT_READ);
    const changed = () =>
      idents(kq.wait().filter(({ filter }) => filter === EVFILT_VNODE));
    for (
      const [script, ...fds] of [
        ["create outer/made", outer],
        ["create outer/inner/made", inner],
        ["chmod outer/inner/file 600", file],
        ["chmod outer 700", outer],
        ["rename outer/inner outer/moved", outer, inner],
        ["rename outer/moved/made made", inner],
      ] as const
    ) {
      folder.run(script);
      assertEquals(changed(), fds.toSorted((a, b) => a - b), script);
    }
    for (const fd of [outer, inner]) {
      kq.apply(kevVnode(fd, { flags: EV_DELETE }));
    }
    folder.run("chmod outer/moved/file 644; create outer/moved/made");
    assertEquals(changed(), [file]);
  });

  it("R93 each queue has a watcher of its own", () => {
    using folder = new Folder();
    using first = openQueue();
    using second = openQueue();
    const fd = folder.file();
    first.apply(watch(fd, "WRITE"));
    second.apply({ ...watch(fd, "WRITE ATTRIB"), flags: EV_ADD });
    folder.run("write file 4");
    assertNotes(first.wait(), "WRITE");
    assertNotes(second.wait(), "WRITE");
    first.apply(kevVnode(fd, { flags: EV_DELETE }));
    folder.run("write file 4; chmod file 600");
    assertEquals(first.poll(), []);
    assertNotes(second.wait(), "WRITE ATTRIB");
  });
});
