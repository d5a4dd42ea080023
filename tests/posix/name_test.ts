import { assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  creat,
  fchmod,
  link,
  mkdir,
  open,
  rename,
  rmdir,
  unlink,
} from "../../posix.ts";
import {
  assertFails,
  cleanUp,
  kept,
  NOT_OPEN,
  readText,
  run,
  temporaryFile,
  temporaryPath,
} from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("names in the file system", () => {
    it("unlink() removes a name, and leaves the open file", () => {
      const { path } = temporaryFile("text");
      const fd = kept(open(path));
      unlink(path);
      assertFails(() => open(path), "open", "ENOENT");
      assertEquals(readText(fd), "text");
    });

    it("rename() takes the place of what is there", () => {
      const { path } = temporaryFile("new");
      const { path: other } = temporaryFile("old");
      rename(path, other);
      assertFails(() => open(path), "open", "ENOENT");
      assertEquals(readText(kept(open(other))), "new");
    });

    it("link() gives a file a second name", () => {
      const { path } = temporaryFile("text");
      const other = temporaryPath();
      link(path, other);
      unlink(path);
      assertEquals(readText(kept(open(other))), "text");
    });

    it("mkdir() and rmdir() make and remove a directory", () => {
      const path = `${temporaryPath()}-directory`;
      mkdir(path);
      const file = `${path}/file`;
      kept(creat(file));
      assertFails(() => rmdir(path), "rmdir", "ENOTEMPTY");
      unlink(file);
      rmdir(path);
      assertFails(() => open(path), "open", "ENOENT");
    });

    it("fail with the kernel's errno", () => {
      const { path } = temporaryFile();
      const nowhere = temporaryPath();
      assertFails(() => unlink(nowhere), "unlink", "ENOENT");
      assertFails(() => rename(nowhere, path), "rename", "ENOENT");
      assertFails(() => link(path, path), "link", "EEXIST");
      assertFails(() => mkdir(path), "mkdir", "EEXIST");
      assertFails(() => rmdir(path), "rmdir", "ENOTDIR");
    });

    it("refuse a path that C would cut short", () => {
      const cut = "/tmp/a\0b";
      const message = 'must be a string without NUL, got "/tmp/a\\u0000b"';
      for (const call of [open, creat, unlink, mkdir, rmdir]) {
        assertThrows(() => call(cut), TypeError, `path ${message}`);
      }
      assertThrows(() => rename(cut, "/b"), TypeError, `oldPath ${message}`);
      assertThrows(() => rename("/a", cut), TypeError, `newPath ${message}`);
      assertThrows(() => link(cut, "/b"), TypeError, `path ${message}`);
      assertThrows(() => link("/a", cut), TypeError, `newPath ${message}`);
      assertThrows(
        () => open(7 as unknown as string),
        TypeError,
        "path must be a string without NUL, got 7",
      );
    });

    it("fchmod() changes the mode", () => {
      const { path, fd } = temporaryFile();
      fchmod(fd, 0o700);
      assertEquals(run(["test", "-x", path]), 0);
      fchmod(fd, 0o600);
      assertEquals(run(["test", "-x", path]), 1);
      assertFails(() => fchmod(NOT_OPEN, 0), "fchmod", "EBADF");
    });

    it("refuse what is no mode", () => {
      const { fd } = temporaryFile();
      for (const mode of [-1, 0o10000, 1.5]) {
        const message = `mode must be an integer from 0 to 4095, got ${mode}`;
        assertThrows(() => creat("/tmp", mode), RangeError, message);
        assertThrows(() => mkdir("/tmp", mode), RangeError, message);
        assertThrows(() => fchmod(fd, mode), RangeError, message);
      }
    });
  });
});
