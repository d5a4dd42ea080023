import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { packPath } from "../../posix/address.ts";
import { DARWIN, LINUX } from "../../posix/platform.ts";
import {
  accept,
  connect,
  getsockname,
  isNonblocking,
  listen,
  read,
  SystemError,
  unlink,
  write,
} from "../../posix.ts";
import {
  acceptOne,
  assertFails,
  cleanUp,
  closeNow,
  encoder,
  kept,
  lowestFree,
  readText,
  temporaryPath,
} from "./support.ts";

/** Of a path in a sockaddr_un, in bytes, which has a zero after it. */
const LONGEST = Deno.build.os === "darwin" ? 103 : 107;

/** A path of so many bytes, which nothing has. */
function pathOf(length: number): string {
  return temporaryPath().padEnd(length, "x");
}

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("Unix sockets", () => {
    it("connect at a path", () => {
      const path = temporaryPath();
      const listener = listen({ path });
      kept(listener.fd);
      assertEquals(listener.path, path);
      assert(isNonblocking(listener.fd));
      assertStrictEquals(accept(listener.fd), null);
      const client = kept(connect(listener));
      const server = acceptOne(listener.fd);
      write(client, encoder.encode("there"));
      assertEquals(readText(server), "there");
      write(server, encoder.encode("back"));
      assertEquals(readText(client), "back");
      closeNow(client);
      assertEquals(read(server, new Uint8Array(1)), 0);
    });

    it("connect without waiting", () => {
      const { fd, path } = listen({ path: temporaryPath() });
      kept([fd, connect({ path, wait: false })]);
      acceptOne(fd);
    });

    it("may have a name in any language, up to the longest", () => {
      for (const path of [`${temporaryPath()}-日本`, pathOf(LONGEST)]) {
        const { fd } = listen({ path });
        kept([fd, connect({ path })]);
        acceptOne(fd);
        closeNow(fd);
        unlink(path);
      }
    });

    it("say that a path is too long, in bytes", () => {
      const before = lowestFree();
      const long = pathOf(LONGEST + 1);
      const wide = "ü".repeat((LONGEST + 1) / 2);
      for (const path of [long, wide]) {
        const message =
          `path must have at most ${LONGEST} bytes, as a Unix socket's here, ` +
          `got ${LONGEST + 1}: "${path}"`;
        assertThrows(() => listen({ path }), RangeError, message);
        assertThrows(() => connect({ path }), RangeError, message);
      }
      assertEquals(lowestFree(), before);
    });

    it("refuse what is no path", () => {
      for (const path of ["", "a\0b", 7 as unknown as string]) {
        assertThrows(() => listen({ path }), TypeError, "path must be");
        assertThrows(() => connect({ path }), TypeError, "path must be");
      }
    });

    it("refuse a path beside a port or an address", () => {
      const path = temporaryPath();
      const both: { path: string } = { path, port: 80 } as { path: string };
      const message = "path must be given without address and port";
      assertThrows(() => listen(both), TypeError, message);
      assertThrows(() => connect(both), TypeError, message);
    });

    it("fail with the kernel's errno, and name the path", () => {
      const { fd, path } = listen({ path: temporaryPath() });
      const before = lowestFree();
      kept(fd);
      assertFails(() => listen({ path }), "bind", "EADDRINUSE");
      closeNow(fd);
      assertFails(() => connect({ path }), "connect", "ECONNREFUSED");
      unlink(path);
      const error = assertThrows(() => connect({ path }), SystemError);
      assertEquals(error.code, "ENOENT");
      assert(error.message.endsWith(` - ${path}`), error.message);
      assertEquals(lowestFree(), Math.min(before, fd));
    });

    it("have no address of the Internet's", () => {
      const { fd } = listen({ path: temporaryPath() });
      kept(fd);
      assertFails(() => getsockname(fd), "getsockname", "EAFNOSUPPORT");
    });
  });

  describe("sockaddr_un", () => {
    const text = [0x2f, 0x74, 0x6d, 0x70, 0];

    it("is laid out as Darwin has it, its length first", () => {
      assertEquals([...packPath("/tmp", DARWIN)], [7, 1, ...text]);
    });

    it("is laid out as Linux has it", () => {
      assertEquals([...packPath("/tmp", LINUX)], [1, 0, ...text]);
    });

    it("holds 104 bytes of path on Darwin and 108 on Linux, with the NUL", () => {
      for (const [platform, size] of [[DARWIN, 104], [LINUX, 108]] as const) {
        assertEquals(packPath("x".repeat(size - 1), platform).length, size + 2);
        assertThrows(
          () => packPath("x".repeat(size), platform),
          RangeError,
          `at most ${size - 1} bytes`,
        );
      }
    });
  });
});
