import {
  assert,
  assertEquals,
  assertGreater,
  assertStrictEquals,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { open, pipe, read, write } from "../../posix.ts";
import {
  assertFails,
  cleanUp,
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

  describe("pipe()", () => {
    it("moves bytes from its second descriptor to its first", () => {
      const [reader, writer] = kept(pipe());
      assertEquals(write(writer, encoder.encode("hello")), 5);
      assertEquals(readText(reader), "hello");
    });

    it("ends when its writer is closed", () => {
      const [reader, writer] = kept(pipe());
      closeNow(writer);
      assertEquals(read(reader, new Uint8Array(1)), 0);
    });

    it("fails with EPIPE when its reader is closed", () => {
      const [reader, writer] = kept(pipe());
      closeNow(reader);
      assertFails(() => write(writer, new Uint8Array(1)), "write", "EPIPE");
    });
  });

  describe("read() and write()", () => {
    it("keep to the view that they are given", () => {
      const [reader, writer] = kept(pipe());
      const whole = encoder.encode("0123456789");
      assertEquals(write(writer, whole.subarray(2, 6)), 4);
      const into = new Uint8Array(10);
      assertEquals(read(reader, into.subarray(1, 4)), 3);
      assertEquals([...into], [0, 50, 51, 52, 0, 0, 0, 0, 0, 0]);
      assertEquals(read(reader, into.subarray(9)), 1);
      assertEquals(into[9], 53);
    });

    it("take an empty view", () => {
      const [reader, writer] = kept(pipe());
      assertEquals(write(writer, new Uint8Array(0)), 0);
      assertEquals(read(reader, new Uint8Array(0)), 0);
    });

    it("take a view of shared memory", () => {
      const [reader, writer] = kept(pipe());
      const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
      assertEquals(write(writer, shared), 4);
      assertEquals(read(reader, shared.fill(0)), 4);
      assertEquals([...shared], [7, 7, 7, 7]);
    });

    it("move a mebibyte in pieces, every byte in its place", () => {
      const sent = Uint8Array.from(
        { length: 1 << 20 },
        (_, i) => i * 7 + (i >> 8),
      );
      const { path, fd } = temporaryFile();
      for (let at = 0; at < sent.length;) {
        at += write(fd, sent.subarray(at, at + 10_007)) ?? 0;
      }
      const file = kept(open(path));
      const received = new Uint8Array(sent.length);
      let at = 0;
      for (
        let count;
        (count = read(file, received.subarray(at, at + 9_973)));
      ) {
        at += count;
      }
      assertEquals(at, sent.length);
      assert(received.every((byte, i) => byte === sent[i]));
    });

    it("return null where a descriptor in non-blocking mode would wait", () => {
      const path = temporaryPath();
      assertEquals(run(["mkfifo", path]), 0);
      const reader = kept(open(path, { nonblocking: true }));
      const writer = kept(open(path, { write: true, nonblocking: true }));
      assertStrictEquals(read(reader, new Uint8Array(1)), null);
      const chunk = new Uint8Array(4096);
      let written = 0;
      for (let count; (count = write(writer, chunk)) !== null;) {
        written += count;
      }
      assertGreater(written, 0);
      let taken = 0;
      for (let count; (count = read(reader, chunk)) !== null;) taken += count;
      assertEquals(taken, written);
    });

    it("fail with the kernel's errno", () => {
      const bytes = new Uint8Array(1);
      assertFails(() => read(NOT_OPEN, bytes), "read", "EBADF");
      assertFails(() => write(NOT_OPEN, bytes), "write", "EBADF");
      assertFails(() => read(kept(open("/tmp")), bytes), "read", "EISDIR");
    });
  });
});
