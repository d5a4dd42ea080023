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
  type Kevent,
  kevRead,
  kevVnode,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { Descriptors, openSystem, temporaryPath } from "./descriptors.ts";

const IS_LINUX = Deno.build.os === "linux";

const NOTES = {
  DELETE: NOTE_DELETE,
  WRITE: NOTE_WRITE,
  EXTEND: NOTE_EXTEND,
  ATTRIB: NOTE_ATTRIB,
  LINK: NOTE_LINK,
  RENAME: NOTE_RENAME,
  REVOKE: NOTE_REVOKE,
};

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));

/** A directory of the test's own, with descriptors of what is in it. */
class Folder extends Descriptors {
  readonly #path = temporaryPath();
  readonly #paths = [this.#path];

  constructor() {
    super();
    posix.mkdir(this.#path);
  }

  /** Runs commands, each a line, on entries of the directory; they and their entries are removed after the test. */
  run(script: string): void {
    for (const line of script.split(";")) this.#run(line.trim().split(" "));
  }

  /** Opens a file to read and write. */
  open(name: string): number {
    return this.keep(posix.open(this.#at(name), { read: true, write: true }));
  }

  /** Opens a directory. */
  openFolder(name: string): number {
    return this.keep(posix.open(this.#at(name)));
  }

  /** Makes a file of 8 bytes, and opens it. */
  file(name = "file"): number {
    this.run(`create ${name}; write ${name} 8`);
    return this.open(name);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    for (const path of this.#paths.reverse()) {
      for (const remove of [posix.unlink, posix.rmdir]) {
        try {
          remove(path);
        } catch (error) {
          if (!(error instanceof posix.SystemError)) throw error;
        }
      }
    }
  }

  #at(name: string): string {
    const path = `${this.#path}/${name}`;
    this.#paths.push(path);
    return path;
  }

  #rename(from: string, to: string): void {
    posix.rename(from, to);
    const moved = this.#paths.filter((path) => path.startsWith(`${from}/`));
    this.#paths.push(...moved.map((path) => to + path.slice(from.length)));
  }

  #run([command, name, argument]: string[]): void {
    const path = this.#at(name);
    const use = (action: (fd: number) => void) => {
      const fd = posix.open(path, { write: true });
      action(fd);
      posix.close(fd);
    };
    const commands: Record<string, () => void> = {
      create: () => posix.close(posix.creat(path)),
      write: () =>
        use((fd) => posix.write(fd, new Uint8Array(Number(argument)))),
      truncate: () => use((fd) => posix.ftruncate(fd, Number(argument))),
      link: () => posix.link(path, this.#at(argument)),
      unlink: () => posix.unlink(path),
      rename: () => this.#rename(path, this.#at(argument)),
      mkdir: () => posix.mkdir(path),
      rmdir: () => posix.rmdir(path),
      chmod() {
        const fd = posix.open(path);
        posix.fchmod(fd, parseInt(argument, 8));
        posix.close(fd);
      },
    };
    commands[command]();
  }
}

/** The notes of names such as "WRITE EXTEND". */
function notes(names: string): number {
  return Object.entries(NOTES).reduce(
    (bits, [name, bit]) => names.split(" ").includes(name) ? bits | bit : bits,
    0,
  );
}

function namesOf(fflags: number): string {
  return Object.entries(NOTES).filter(([, bit]) => (fflags & bit) !== 0)
    .map(([name]) => name).join(" ");
}

/** R91: on macOS a file system may post one of these beside what it is asked to post. */
const ALWAYS_PERHAPS = IS_LINUX ? "" : "ATTRIB";

/** Asserts that there is one event with just these notes, but for those that may come besides. */
function assertNotes(
  events: Kevent[],
  names: string,
  perhaps: string = "",
): void {
  const allowed = notes(`${perhaps} ${ALWAYS_PERHAPS}`) & ~notes(names);
  const fflags = only(events).fflags & ~allowed;
  assertEquals(namesOf(fflags), namesOf(notes(names)));
}

const ALL = notes(Object.keys(NOTES).join(" "));
const watch = (fd: number, names: string) =>
  kevVnode(fd, { fflags: notes(names) });

/** What is done, what is reported of it, and what may come besides. */
type Happening = [script: string, names: string, perhaps?: string];

/** To "file", of 8 bytes, which has a second name, "linked". */
const FILE_HAPPENINGS: Happening[] = [
  ["write file 4", "WRITE"],
  ["write file 9", "WRITE EXTEND"],
  // *Linux*: inotify cannot tell a truncation from a write.
  ["truncate file 3", IS_LINUX ? "" : "ATTRIB", IS_LINUX ? "WRITE ATTRIB" : ""],
  [
    "truncate file 99",
    IS_LINUX ? "EXTEND" : "ATTRIB EXTEND",
    IS_LINUX ? "WRITE ATTRIB" : "",
  ],
  ["chmod file 600", "ATTRIB"],
  ["link file other", "LINK"],
  // *Linux*: of the removal of a name that is not the last, inotify tells no more than that it was one.
  ["unlink linked", IS_LINUX ? "LINK" : "DELETE LINK", "DELETE"],
  ["unlink linked; unlink file", "DELETE LINK"],
  ["rename file other", "RENAME"],
  ["unlink linked; create other; rename other file", "DELETE LINK"],
  ["write file 4; link file other", "WRITE LINK"],
  ["chmod file 600; link file other", "ATTRIB LINK"],
  ["unlink linked; unlink file; create file; write file 9", "DELETE LINK"],
];

/** To "folder", which holds "folder/inner", a file, while "outer" is beside it. */
const FOLDER_HAPPENINGS: Happening[] = [
  ["create folder/made", "WRITE"],
  ["unlink folder/inner", "WRITE"],
  ["rename outer folder/in", "WRITE"],
  ["rename folder/inner out", "WRITE"],
  ["rename folder/inner folder/other", "WRITE"],
  ["rename outer folder/inner", "WRITE"],
  ["link outer folder/link", "WRITE"],
  ["mkdir folder/made", "WRITE", "LINK"],
  ["chmod folder 700", "ATTRIB"],
  ["rename folder moved", "RENAME"],
  ["unlink folder/inner; rmdir folder", "WRITE DELETE", "LINK"],
  [
    "unlink folder/inner; mkdir to; rename folder to/moved; rmdir to/moved",
    "WRITE RENAME DELETE",
    "LINK",
  ],
  [
    "unlink folder/inner; mkdir other; rename other folder",
    "WRITE DELETE",
    "LINK",
  ],
];

function testHappening(
  what: string,
  [script, names, perhaps = ""]: Happening,
  prepare: (folder: Folder) => number,
): void {
  it(`R91 a ${what} reports "${script}", once with EV_CLEAR`, () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = prepare(folder);
    kq.apply(kevVnode(fd, { fflags: ALL, udata: 7 }));
    assertEquals(kq.poll(), []);
    folder.run(script);
    const events = kq.wait();
    assertNotes(events, names, perhaps);
    const { ident, filter, udata } = events[0];
    assertEquals([ident, filter, udata], [BigInt(fd), EVFILT_VNODE, 7n]);
    assertEquals(kq.poll(), []);
  });

  it(`R90 a ${what} watched for the rest does not report "${script}"`, () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = prepare(folder);
    const all = `${names} ${perhaps} ${ALWAYS_PERHAPS}`;
    kq.apply(kevVnode(fd, { fflags: ALL & ~notes(all) }));
    folder.run(script);
    assertEquals(kq.poll(), []);
  });
}

describe("EVFILT_VNODE", () => {
  for (const happening of FILE_HAPPENINGS) {
    testHappening("file", happening, (folder) => {
      const fd = folder.file();
      folder.run("link file linked");
      return fd;
    });
  }

  for (const happening of FOLDER_HAPPENINGS) {
    testHappening("directory", happening, (folder) => {
      folder.run("mkdir folder; create folder/inner; create outer");
      return folder.openFolder("folder");
    });
  }

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
    // R90: what comes with a note that is wanted is reported, wanted or not.
    folder.run("rmdir first");
    assertNotes(kq.wait(), "DELETE", "LINK");
    folder.run("rename second to/moved");
    assertNotes(kq.wait(), "RENAME");
    folder.run("rmdir to/moved");
    assertNotes(kq.wait(), "DELETE", "LINK");
  });

  it("R90 fflags are the set wanted from now on", () => {
    using folder = new Folder();
    using kq = openQueue();
    const fd = folder.file();
    kq.apply(watch(fd, "WRITE"));
    folder.run("chmod file 600");
    kq.apply({ ...watch(fd, "RENAME"), udata: 3 });
    assertEquals(kq.poll(), [], "it happened before it was wanted");
    folder.run("write file 4");
    assertEquals(kq.poll(), []);
    folder.run("rename file other");
    const events = kq.wait();
    assertNotes(events, "RENAME");
    assertEquals(events[0].udata, 3n);
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
      watch(second, "WRITE LINK"),
      watch(third, "LINK"),
    );
    folder.run("write file 4");
    assertEquals(idents(kq.wait()), [first, second]);
    folder.run("link file second");
    assertEquals(idents(kq.wait()), [second, third]);
    kq.apply(kevVnode(second, { flags: EV_DELETE }));
    folder.run("write file 4");
    assertEquals(idents(kq.wait()), [first]);
    folder.close(first);
    folder.run("write file 4; link file third");
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
