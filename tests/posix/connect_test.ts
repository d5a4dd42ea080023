import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { EV_EOF, EV_ONESHOT, kevRead, kevWrite, Kqueue } from "../../mod.ts";
import {
  close,
  connect,
  getsockname,
  isNonblocking,
  listen,
  pipe,
  read,
  recv,
  setLinger,
  takeError,
  write,
} from "../../posix.ts";
import { Descriptors, openSystem } from "../semantics/descriptors.ts";
import {
  acceptOne,
  assertFails,
  awaitReadable,
  cleanUp,
  closeNow,
  encoder,
  kept,
  lowestFree,
  NOT_OPEN,
  PATIENCE_MS,
  readText,
  tcpPair,
} from "./support.ts";
import { told } from "../ffi/errno.ts";

// A library that a test opens is a leak to Deno's sanitizers.
openSystem();

const { ECONNREFUSED } = constants.errno;

/** A port on which nobody listens any more. */
function refusedPort(): number {
  const { fd, port } = listen();
  close(fd);
  return port;
}

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("connect() with wait false", () => {
    it("is reported by EVFILT_WRITE when it is done (R34)", () => {
      const { fd, port } = listen();
      const client = connect({ port, wait: false });
      kept([fd, client]);
      using kq = new Kqueue();
      kq.apply(kevWrite(client));
      const [event] = kq.wait(PATIENCE_MS);
      assertEquals(event.flags & EV_EOF, 0);
      assertStrictEquals(takeError(client), null);
      assertEquals(getsockname(acceptOne(fd)).port, port);
    });

    it("leaves the socket in non-blocking mode, unless asked otherwise", () => {
      const { fd, port } = listen();
      kept(fd);
      for (const wait of [true, false]) {
        const usual = kept(connect({ port, wait }));
        assertStrictEquals(isNonblocking(usual), !wait);
        for (const nonblocking of [true, false]) {
          const client = kept(connect({ port, wait, nonblocking }));
          assertStrictEquals(isNonblocking(client), nonblocking);
        }
      }
    });

    it("is EV_EOF and the error where it is refused (R34)", () => {
      const client = kept(connect({ port: refusedPort(), wait: false }));
      using kq = new Kqueue();
      kq.apply(kevWrite(client));
      const [event] = kq.wait(PATIENCE_MS);
      assert((event.flags & EV_EOF) !== 0);
      assertEquals(event.fflags, ECONNREFUSED);
      const error = takeError(event.ident);
      assertEquals(error?.code, "ECONNREFUSED");
      assertEquals(
        error?.message,
        `socket failed: ${told("ECONNREFUSED")} - descriptor ${client}`,
      );
      assertStrictEquals(takeError(client), null);
    });

    for (const kev of [kevRead, kevWrite]) {
      it(`tells takeError() after the one-shot of ${kev.name}()`, () => {
        const client = kept(connect({ port: refusedPort(), wait: false }));
        using kq = new Kqueue();
        kq.apply(kev(client, { flags: kevFlags(kev) | EV_ONESHOT }));
        assertEquals(kq.wait(PATIENCE_MS).length, 1);
        assertEquals(takeError(client)?.errno, ECONNREFUSED);
      });
    }

    it("says at once what is known at once, and leaves no descriptor", () => {
      const before = lowestFree();
      assertFails(
        () => connect({ path: "/nowhere/socket", wait: false }),
        "connect",
        "ENOENT",
      );
      assertEquals(lowestFree(), before);
    });
  });

  describe("takeError()", () => {
    it("is null for a socket that has none", () => {
      const [client, server] = tcpPair();
      assertStrictEquals(takeError(client), null);
      assertStrictEquals(takeError(server), null);
    });

    it("takes what broke a connection", () => {
      const [client, server] = tcpPair();
      setLinger(client, 0);
      closeNow(client);
      awaitReadable(server);
      assertEquals(takeError(server)?.code, "ECONNRESET");
      assertStrictEquals(takeError(server), null);
    });

    it("does not take over the error of whoever had the number before", () => {
      const port = refusedPort();
      const client = connect({ port, wait: false });
      awaitReadable(client);
      close(client);
      const listener = listen();
      assertEquals(kept(listener.fd), client);
      assertStrictEquals(takeError(listener.fd), null);
    });

    it("nor where that was closed without the module's hearing of it", () => {
      using fds = new Descriptors();
      const { fd, port } = listen();
      kept(fd);
      const refused = fds.keep(connect({ port: refusedPort(), wait: false }));
      awaitReadable(refused);
      fds.closeBehind(refused);
      const client = kept(connect({ port, wait: false }));
      assertEquals(client, refused);
      assertStrictEquals(takeError(client), null);
    });

    it("fails with the kernel's errno", () => {
      const [reader] = kept(pipe());
      assertFails(() => takeError(reader), "getsockopt", "ENOTSOCK");
      assertFails(() => takeError(NOT_OPEN), "getsockopt", "EBADF");
    });
  });

  describe("connect()", () => {
    it("names the address that it failed for", () => {
      const port = refusedPort();
      const error = assertThrows(() => connect({ port }), Error);
      assertEquals(
        error.message,
        `connect failed: ${told("ECONNREFUSED")} - 127.0.0.1:${port}`,
      );
    });

    it("in non-blocking mode is a connection like any other", () => {
      const { fd, port } = listen();
      const client = connect({ port, nonblocking: true });
      kept([fd, client]);
      const server = acceptOne(fd);
      assertStrictEquals(recv(client, new Uint8Array(1)), null);
      assertStrictEquals(read(client, new Uint8Array(1)), null);
      write(server, encoder.encode("there"));
      awaitReadable(client);
      assertEquals(readText(client), "there");
    });

    it("says that a port is missing", () => {
      assertThrows(
        () => connect({} as { port: number }),
        TypeError,
        "port must be an integer from 1 to 65535, got undefined",
      );
    });
  });
});

function kevFlags(kev: typeof kevRead): number {
  return kev(0).flags ?? 0;
}
