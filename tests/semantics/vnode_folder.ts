/** A directory for tests of EVFILT_VNODE, what is done in it, and the notes by name. */
import { assertEquals } from "@std/assert";
import {
  type Kevent,
  type KeventInit,
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
import { only } from "./calls.ts";
import { Descriptors, temporaryPath } from "./descriptors.ts";

const NOTES = {
  DELETE: NOTE_DELETE,
  WRITE: NOTE_WRITE,
  EXTEND: NOTE_EXTEND,
  ATTRIB: NOTE_ATTRIB,
  LINK: NOTE_LINK,
  RENAME: NOTE_RENAME,
  REVOKE: NOTE_REVOKE,
};

/** A directory of the test's own, with descriptors of what is in it. */
export class Folder extends Descriptors {
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
      rewrite() {
        const fd = posix.open(path, { write: true, truncate: true });
        posix.write(fd, new Uint8Array(Number(argument)));
        posix.close(fd);
      },
      read() {
        const fd = posix.open(path);
        posix.read(fd, new Uint8Array(4));
        posix.close(fd);
      },
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
export function notes(names: string): number {
  return Object.entries(NOTES).reduce(
    (bits, [name, bit]) => names.split(" ").includes(name) ? bits | bit : bits,
    0,
  );
}

export function namesOf(fflags: number): string {
  return Object.entries(NOTES).filter(([, bit]) => (fflags & bit) !== 0)
    .map(([name]) => name).join(" ");
}

/** Asserts that there is one event with just these notes, but for those that may come besides. */
export function assertNotes(
  events: Kevent[],
  names: string,
  perhaps: string = "",
): void {
  const fflags = only(events).fflags & ~(notes(perhaps) & ~notes(names));
  assertEquals(namesOf(fflags), namesOf(notes(names)));
}

/** Every note. */
export const ALL: number = notes(Object.keys(NOTES).join(" "));
/** A change that asks for notes, with EV_CLEAR. */
export function watch(fd: number, names: string): KeventInit {
  return kevVnode(fd, { fflags: notes(names) });
}
