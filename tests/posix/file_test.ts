import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  close,
  creat,
  dup,
  dup2,
  ftruncate,
  lseek,
  open,
  pipe,
  read,
  unlink,
  write,
} from "../../posix.ts";
import {
  assertFails,
  cleanUp,
  cleanups,
  closeNow,
  encoder,
  kept,
  NOT_OPEN,
  readText,
  run,
  temporaryFile,
  temporaryPath,
} from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("close()", () => {
    it("fails with EBADF the second time", () => {
      const [reader, writer] = pipe();
      close(writer);
      close(reader);
      assertFails(() => close(reader), "close", "EBADF");
    });
  });

  describe("open() and creat()", () => {
    it("open() reads unless told otherwise", () => {
      const fd = kept(open(temporaryFile("text").path));
      assertEquals(readText(fd), "text");
      assertFails(() => write(fd, new Uint8Array(1)), "write", "EBADF");
    });

    it("open() with write only writes, over what is there", () => {
      const { path } = temporaryFile("text");
      const fd = kept(open(path, { write: true }));
      assertEquals(write(fd, encoder.encode("NE")), 2);
      assertFails(() => read(fd, new Uint8Array(1)), "read", "EBADF");
      assertEquals(readText(kept(open(path))), "NExt");
    });

    it("open() with read and write does both", () => {
      const fd = kept(
        open(temporaryFile("text").path, { read: true, write: true }),
      );
      assertEquals(readText(fd), "text");
      assertEquals(write(fd, encoder.encode("s")), 1);
      lseek(fd, 0);
      assertEquals(readText(fd), "texts");
    });

    it("open() with append writes at the end", () => {
      const { path } = temporaryFile("one");
      const fd = kept(open(path, { append: true, read: true }));
      write(fd, encoder.encode("two"));
      lseek(fd, 0);
      write(fd, encoder.encode("three"));
      lseek(fd, 0);
      assertEquals(readText(fd), "onetwothree");
    });

    it("open() with truncate makes the file empty", () => {
      const { path } = temporaryFile("text");
      kept(open(path, { write: true, truncate: true }));
      assertEquals(readText(kept(open(path))), "");
    });

    it("open() takes a directory, and a name that is not ASCII", () => {
      kept(open("/tmp"));
      const path = `${temporaryPath()}-ü-日本`;
      cleanups.push(() => unlink(path));
      kept(creat(path));
      kept(open(path));
    });

    it("open() makes no file", () => {
      assertFails(
        () => open(temporaryPath(), { write: true }),
        "open",
        "ENOENT",
      );
    });

    it("open() refuses options that contradict each other", () => {
      assertThrows(() => open("/", { read: false }), TypeError, "open needs");
      assertThrows(
        () => open("/", { truncate: true }),
        TypeError,
        "open can truncate only with write or append",
      );
    });

    it("creat() makes a file that is 0o644", () => {
      const { path, fd } = temporaryFile("text");
      assertFails(() => read(fd, new Uint8Array(1)), "read", "EBADF");
      assertEquals(readText(kept(open(path))), "text");
      assertEquals(run(["test", "-x", path]), 1);
    });

    it("creat() gives the mode", () => {
      const path = temporaryPath();
      kept(creat(path, 0o755));
      assertEquals(run(["test", "-x", path]), 0);
    });

    it("creat() empties a file that is there", () => {
      const { path } = temporaryFile("text");
      kept(creat(path));
      assertEquals(readText(kept(open(path))), "");
    });

    it("fail with the kernel's errno", () => {
      const nowhere = `${temporaryPath()}/file`;
      assertFails(() => open(nowhere), "open", "ENOENT");
      assertFails(() => creat(nowhere), "creat", "ENOENT");
      assertFails(() => creat("/tmp"), "creat", "EISDIR");
      assertFails(() => open(""), "open", "ENOENT");
    });
  });

  describe("dup() and dup2()", () => {
    it("dup() gives the open file a second number", () => {
      const [reader, writer] = kept(pipe());
      const second = kept(dup(writer));
      assertNotEquals(second, writer);
      closeNow(writer);
      write(second, encoder.encode("hello"));
      assertEquals(readText(reader), "hello");
    });

    it("dup2() gives it the number asked for, in place of what had it", () => {
      const [reader, writer] = kept(pipe());
      const [otherReader, number] = kept(pipe());
      assertEquals(dup2(writer, number), number);
      assertEquals(read(otherReader, new Uint8Array(1)), 0);
      write(number, encoder.encode("hello"));
      assertEquals(readText(reader), "hello");
    });

    it("fail with the kernel's errno", () => {
      assertFails(() => dup(NOT_OPEN), "dup", "EBADF");
      assertFails(() => dup2(NOT_OPEN, NOT_OPEN), "dup2", "EBADF");
    });
  });

  describe("lseek() and ftruncate()", () => {
    it("lseek() moves from the start, from here and from the end", () => {
      const fd = kept(open(temporaryFile("0123456789").path));
      assertEquals(lseek(fd, 4), 4);
      assertEquals(lseek(fd, 2, "current"), 6);
      assertEquals(readText(fd), "6789");
      assertEquals(lseek(fd, -3, "end"), 7);
      assertEquals(lseek(fd, 2 ** 40), 2 ** 40);
    });

    it("lseek() fails with the kernel's errno", () => {
      const [reader] = kept(pipe());
      assertFails(() => lseek(reader, 0), "lseek", "ESPIPE");
      assertFails(() => lseek(temporaryFile().fd, -1), "lseek", "EINVAL");
      assertFails(() => lseek(NOT_OPEN, 0), "lseek", "EBADF");
    });

    it("lseek() refuses what is no offset or origin", () => {
      const { fd } = temporaryFile();
      assertThrows(() => lseek(fd, 0.5), RangeError, "offset must be");
      assertThrows(
        () => lseek(fd, 0, "here" as "current"),
        TypeError,
        'origin must be "start" or "current" or "end", got "here"',
      );
    });

    it("ftruncate() cuts and fills", () => {
      const { path, fd } = temporaryFile("0123456789");
      ftruncate(fd, 3);
      assertEquals(readText(kept(open(path))), "012");
      ftruncate(fd, 5);
      assertEquals(readText(kept(open(path))), "012\0\0");
    });

    it("ftruncate() fails with the kernel's errno", () => {
      const { path, fd } = temporaryFile();
      assertFails(
        () => ftruncate(kept(open(path)), 0),
        "ftruncate",
        "EINVAL",
        "EBADF",
      );
      assertFails(() => ftruncate(NOT_OPEN, 0), "ftruncate", "EBADF");
      assertThrows(() => ftruncate(fd, -1), RangeError, "length must be");
    });
  });
});
