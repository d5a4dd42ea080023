/** Pseudo-terminals. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { openSystemLibrary } from "../../library.ts";
import { close, dup } from "../../posix.ts";
import { IS_LINUX } from "../system.ts";
import { Descriptors } from "./descriptors.ts";

const O_RDWR = 2;
/** Of <fcntl.h>, with another value on each system. */
const O_NOCTTY = IS_LINUX ? 0o400 : 0x20000;

// Opened before the tests, whose sanitizers would take the library for a leak.
const libc = openSystemLibrary({
  // int posix_openpt(int oflag);
  posix_openpt: { parameters: ["i32"], result: "i32" },
  // int grantpt(int fildes);
  grantpt: { parameters: ["i32"], result: "i32" },
  // int unlockpt(int fildes);
  unlockpt: { parameters: ["i32"], result: "i32" },
  // int ptsname_r(int fildes, char *buffer, size_t buflen);
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int open(const char *path, int oflag, ...);
  open: { parameters: ["buffer", "i32"], result: "i32" },
}).symbols;

/** A pseudo-terminal: the side of whoever shows it, and the side of the programs in it. */
export class Terminal extends Descriptors {
  readonly master: number;
  readonly slave: number;
  /** The name of the programs' side. */
  readonly path: string;

  constructor() {
    super();
    this.master = this.#own(libc.posix_openpt(O_RDWR | O_NOCTTY));
    assertEquals(libc.grantpt(this.master), 0);
    assertEquals(libc.unlockpt(this.master), 0);
    const path = new Uint8Array(128);
    assertEquals(libc.ptsname_r(this.master, path, BigInt(path.length)), 0);
    this.path = new TextDecoder().decode(path.subarray(0, path.indexOf(0)));
    this.slave = this.#own(libc.open(path, O_RDWR | O_NOCTTY));
  }

  /** Makes it close-on-exec, as duplicates are: a program that had it would keep the terminal alive. */
  #own(fd: number): number {
    assertNotEquals(fd, -1);
    const copy = dup(fd);
    close(fd);
    return this.keep(copy);
  }
}
