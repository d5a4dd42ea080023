import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  accept,
  close,
  connect,
  getsockname,
  listen,
  pipe,
  read,
  recv,
  send,
  shutdown,
  socketpair,
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
  NOT_OPEN,
  readText,
  tcpPair,
  temporaryFile,
} from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("listen(), connect() and accept()", () => {
    it("connect two sockets", () => {
      const [client, server] = tcpPair();
      assertNotEquals(client, server);
      write(client, encoder.encode("there"));
      assertEquals(readText(server), "there");
      write(server, encoder.encode("back"));
      assertEquals(readText(client), "back");
    });

    it("take IPv6 addresses", () => {
      try {
        kept(listen({ address: "::1" }).fd);
      } catch {
        return; // A machine without IPv6.
      }
      const [client, server] = tcpPair("0:0:0:0:0:0:0:1");
      assertEquals(getsockname(server).address, "::1");
      write(client, encoder.encode("six"));
      assertEquals(readText(server), "six");
    });

    it("give the address and the port that was found for port 0", () => {
      const { fd, address, port } = listen();
      kept(fd);
      assertEquals(address, "127.0.0.1");
      assert(Number.isInteger(port) && port > 0 && port < 65536);
      assertEquals(getsockname(fd), { address, port });
    });

    it("agree on the port", () => {
      const listener = listen();
      kept(listener.fd);
      const client = kept(connect(listener));
      assertEquals(getsockname(acceptOne(listener.fd)).port, listener.port);
      assertNotEquals(getsockname(client).port, listener.port);
    });

    it("accept() returns null when no connection waits", () => {
      const { fd, port } = listen();
      kept(fd);
      assertStrictEquals(accept(fd), null);
      kept(connect({ port }));
      acceptOne(fd);
      assertStrictEquals(accept(fd), null);
    });

    it("accept() takes the connections one by one", () => {
      const { fd, port } = listen({ backlog: 16 });
      kept(fd);
      const clients = Array.from({ length: 10 }, () => kept(connect({ port })));
      const servers = clients.map(() => acceptOne(fd));
      assertEquals(new Set([...clients, ...servers]).size, 20);
      const ports = clients.map((client) => getsockname(client).port);
      assertEquals(new Set(ports).size, 10);
    });

    it("accept() waits for nobody else than its own listener", () => {
      const first = listen();
      const second = listen();
      kept([first.fd, second.fd]);
      kept(connect({ port: second.port }));
      acceptOne(second.fd);
      assertStrictEquals(accept(first.fd), null);
    });

    it("accept() fails with the kernel's errno", () => {
      assertFails(() => accept(NOT_OPEN), "accept", "EBADF");
      assertFails(() => accept(temporaryFile().fd), "accept", "ENOTSOCK");
    });

    it("connect() fails with ECONNREFUSED, and leaves no descriptor", () => {
      const { fd, port } = listen();
      close(fd);
      const before = lowestFree();
      assertFails(() => connect({ port }), "connect", "ECONNREFUSED");
      assertEquals(lowestFree(), before);
    });

    it("listen() fails with EADDRINUSE, and leaves no descriptor", () => {
      const { fd, port } = listen();
      kept(fd);
      const before = lowestFree();
      assertFails(() => listen({ port }), "bind", "EADDRINUSE");
      assertEquals(lowestFree(), before);
    });

    it("listen() fails with EADDRNOTAVAIL for another machine's address", () => {
      const address = "192.0.2.1";
      assertFails(() => listen({ address }), "bind", "EADDRNOTAVAIL");
    });

    it("listen() takes a port again right after its server closed", () => {
      const listener = listen();
      const client = kept(connect(listener));
      const server = acceptOne(listener.fd);
      // The side that closes first keeps the connection in TIME_WAIT.
      closeNow(server);
      assertEquals(read(client, new Uint8Array(1)), 0);
      closeNow(client);
      close(listener.fd);
      const again = listen({ port: listener.port });
      kept(again.fd);
      assertEquals(again.port, listener.port);
    });

    for (
      const address of [
        "localhost",
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "0x7f.0.0.1",
        "1.2.3.-4",
        "127.0.0.1 ",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "[::1]",
        "::1%lo0",
        "::1]:80/[",
      ]
    ) {
      it(`refuse the address ${JSON.stringify(address)}`, () => {
        const message =
          `address must be an IPv4 or IPv6 address (names are not looked up), got ${
            JSON.stringify(address)
          }`;
        assertThrows(() => listen({ address }), TypeError, message);
        assertThrows(() => connect({ address, port: 1 }), TypeError, message);
      });
    }

    it("refuse what is no port", () => {
      for (const port of [-1, 65536, 1.5, NaN, Infinity]) {
        const message = `port must be an integer from 0 to 65535, got ${port}`;
        assertThrows(() => listen({ port }), RangeError, message);
      }
      for (const port of [0, -1, 65536]) {
        const message = `port must be an integer from 1 to 65535, got ${port}`;
        assertThrows(() => connect({ port }), RangeError, message);
      }
      assertThrows(
        () => listen({ port: "80" as unknown as number }),
        TypeError,
        'port must be an integer from 0 to 65535, got "80"',
      );
    });

    it("refuse what is no backlog", () => {
      for (const backlog of [-1, 0.5, 2 ** 31]) {
        assertThrows(() => listen({ backlog }), RangeError, "backlog must be");
      }
    });
  });

  describe("shutdown()", () => {
    it("of write lets the other side read the end, and go on sending", () => {
      const [a, b] = kept(socketpair());
      write(a, encoder.encode("last"));
      shutdown(a, "write");
      assertEquals(readText(b), "last");
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(a, new Uint8Array(1)), "send", "EPIPE");
      write(b, encoder.encode("more"));
      assertEquals(readText(a), "more");
    });

    it("of read ends reading on this side", () => {
      const [a] = kept(socketpair());
      shutdown(a, "read");
      assertEquals(recv(a, new Uint8Array(1)), 0);
    });

    it("of both ends both", () => {
      const [a, b] = kept(socketpair());
      shutdown(a, "both");
      assertEquals(recv(a, new Uint8Array(1)), 0);
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(a, new Uint8Array(1)), "send", "EPIPE");
    });

    it("fails with the kernel's errno", () => {
      const [reader] = kept(pipe());
      assertFails(() => shutdown(reader, "both"), "shutdown", "ENOTSOCK");
      assertFails(() => shutdown(NOT_OPEN, "both"), "shutdown", "EBADF");
    });

    it("throws for a direction that it does not know", () => {
      const [a] = kept(socketpair());
      assertThrows(
        () => shutdown(a, "rw" as "both"),
        TypeError,
        'how must be "read" or "write" or "both", got "rw"',
      );
    });
  });
});
