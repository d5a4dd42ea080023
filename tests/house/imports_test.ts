import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findFaults } from "../imports.ts";

describe("findFaults()", () => {
  it("has nothing to say about imports of what stands below", () => {
    const imports = new Map([
      ["ffi.ts", ["linux/mod.ts", "kevent/list.ts", "constants.ts"]],
      ["linux/mod.ts", ["linux/system/libc.ts"]],
      ["kevent/list.ts", ["kevent/check.ts"]],
    ]);
    assertEquals(findFaults(imports), []);
  });

  it("names the files of a circle within one room", () => {
    const imports = new Map([
      ["kevent/a.ts", ["kevent/b.ts"]],
      ["kevent/b.ts", ["kevent/c.ts", "constants.ts"]],
      ["kevent/c.ts", ["kevent/b.ts"]],
    ]);
    assertEquals(findFaults(imports), [
      "a circle: kevent/b.ts → kevent/c.ts → kevent/b.ts",
    ]);
  });

  it("names both files of an import against the order", () => {
    const imports = new Map([["linux/system/own.ts", ["linux/queue.ts"]]]);
    assertEquals(findFaults(imports), [
      "linux/system/own.ts imports linux/queue.ts, but linux/system/ does not stand on linux/queue.ts",
    ]);
  });

  it("lets rooms that stand beside each other import nothing of each other", () => {
    const imports = new Map([
      ["posix/socket.ts", ["loop/watcher.ts"]],
      ["loop.ts", ["posix.ts"]],
    ]);
    assertEquals(findFaults(imports).length, 2);
  });

  it("names a file that has no place", () => {
    assertEquals(findFaults(new Map([["linux/extra.ts", []]])), [
      "linux/extra.ts has no place in the house: give it one in HOUSE",
    ]);
  });
});
