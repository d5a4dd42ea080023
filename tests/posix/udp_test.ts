import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { kevRead, Kqueue } from "../../mod.ts";
import { POLLIN } from "../../posix/platform.ts";
import { isReady } from "../../posix/poll.ts";
import {
  bind,
  connect,
  getsockname,
  isNonblocking,
  pipe,
  recv,
  recvFrom,
  send,
  sendTo,
  socketpair,
} from "../../posix.ts";
import {
  assertFails,
  awaitReadable,
  cleanUp,
  closeNow,
  decoder,
  encoder,
  kept,
  lowestFree,
  NOT_OPEN,
  PATIENCE_MS,
} from "./support.ts";

const hello = encoder.encode("hello");

function bound(address?: string): ReturnType<typeof bind> {
  const socket = bind(address === undefined ? {} : { address });
  kept(socket.fd);
  return socket;
}

function receive(fd: number): [text: string, port: number, address: string] {
  awaitReadable(fd);
  const buffer = new Uint8Array(64);
  const received = recvFrom(fd, buffer);
  assert(received !== null);
  const { count, port, address } = received;
  return [decoder.decode(buffer.subarray(0, count)), port, address];
}

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("bind()", () => {
    it("gives the address and the port that was found for port 0", () => {
      const { fd, address, port } = bound();
      assertEquals(address, "127.0.0.1");
      assert(port > 0);
      assertEquals(getsockname(fd), { address, port });
    });

    it("makes a socket in the mode that is asked for", () => {
      for (const nonblocking of [true, false]) {
        const { fd } = bind({ nonblocking });
        assertStrictEquals(isNonblocking(kept(fd)), nonblocking);
      }
    });

    it("fails for an address in use, names it, and leaves no descriptor", () => {
      const { port } = bound();
      const before = lowestFree();
      const error = assertThrows(() => bind({ port }), Error);
      assert(error.message.startsWith("bind failed: EADDRINUSE"));
      assert(error.message.endsWith(` - 127.0.0.1:${port}`), error.message);
      assertEquals(lowestFree(), before);
    });
  });

  describe("sendTo() and recvFrom()", () => {
    for (const address of ["127.0.0.1", "::1"]) {
      it(`carry datagrams and the address of the sender, ${address}`, () => {
        try {
          bound(address);
        } catch {
          return; // A machine without IPv6.
        }
        const [a, b, c] = [bound(address), bound(address), bound(address)];
        assertEquals(sendTo(a.fd, hello, c), 5);
        assertEquals(receive(c.fd), ["hello", a.port, address]);
        assertEquals(sendTo(b.fd, hello.subarray(0, 2), c), 2);
        assertEquals(receive(c.fd), ["he", b.port, address]);
        assertEquals(sendTo(c.fd, hello.subarray(1), b), 4);
        assertEquals(receive(b.fd), ["ello", c.port, address]);
      });
    }

    it("answer to what was received", () => {
      const [client, server] = [bound(), bound()];
      sendTo(client.fd, hello, server);
      awaitReadable(server.fd);
      const received = recvFrom(server.fd, new Uint8Array(8));
      assert(received !== null);
      sendTo(server.fd, encoder.encode("there"), received);
      assertEquals(receive(client.fd), ["there", server.port, "127.0.0.1"]);
    });

    it("tell apart destinations that differ in one part", () => {
      const [a, b, c] = [bound(), bound(), bound()];
      for (const to of [b, c, b, { ...c }, b]) sendTo(a.fd, hello, to);
      for (const [fd, count] of [[b.fd, 3], [c.fd, 2]]) {
        for (let i = 0; i < count; i++) assertEquals(receive(fd)[0], "hello");
        assertStrictEquals(recvFrom(fd, new Uint8Array(8)), null);
      }
    });

    it("do not send to an address of the other kind", () => {
      const [a, b] = [bound(), bound()];
      sendTo(a.fd, hello, b);
      assertFails(
        () => sendTo(a.fd, hello, { address: "::1", port: b.port }),
        "sendto",
        "EAFNOSUPPORT",
        "EINVAL",
        // macOS takes it for the address 0.0.0.0 (`udp_output`).
        "EADDRNOTAVAIL",
        "EHOSTUNREACH",
      );
      assertEquals(receive(b.fd)[0], "hello");
      assertStrictEquals(recvFrom(b.fd, new Uint8Array(8)), null);
    });

    it("never wait, and keep datagrams apart, empty ones too", () => {
      const [a, b] = [bound(), bound()];
      assertStrictEquals(recvFrom(b.fd, new Uint8Array(8)), null);
      for (const text of ["one", "", "three"]) {
        sendTo(a.fd, encoder.encode(text), b);
      }
      for (const text of ["one", "", "three"]) {
        assertEquals(receive(b.fd)[0], text);
      }
      assertStrictEquals(recvFrom(b.fd, new Uint8Array(8)), null);
    });

    it("are reported by EVFILT_READ with their bytes (R31)", () => {
      const [a, b] = [bound(), bound()];
      using kq = new Kqueue();
      kq.apply(kevRead(b.fd));
      sendTo(a.fd, hello, b);
      const [event] = kq.wait(PATIENCE_MS);
      assert(event.data >= 5n);
      assertEquals(recvFrom(event.ident, new Uint8Array(8))?.count, 5);
    });

    it("refuse what is no address to send to", () => {
      const { fd, port } = bound();
      const to = (value: unknown) => () =>
        sendTo(fd, hello, value as { address: string; port: number });
      assertThrows(
        to("127.0.0.1:80"),
        TypeError,
        'to must be an object such as { address: "127.0.0.1", port: 8080 }, got "127.0.0.1:80"',
      );
      assertThrows(to(null), TypeError, "to must be an object");
      assertThrows(to({ port }), TypeError, "address must be");
      assertThrows(to({ address: "::", port: 0 }), RangeError, "port must be");
      assertThrows(
        to({ address: "localhost", port }),
        TypeError,
        'address must be an IPv4 or IPv6 address (names are not looked up), got "localhost"',
      );
    });

    it("fail with the kernel's errno", () => {
      const { fd, ...here } = bound();
      const large = new Uint8Array(1 << 20);
      const [reader] = kept(pipe());
      assertFails(() => sendTo(fd, large, here), "sendto", "EMSGSIZE");
      assertFails(() => sendTo(reader, hello, here), "sendto", "ENOTSOCK");
      assertFails(() => sendTo(NOT_OPEN, hello, here), "sendto", "EBADF");
      assertFails(() => recvFrom(reader, large), "recvfrom", "ENOTSOCK");
      assertFails(() => recvFrom(NOT_OPEN, large), "recvfrom", "EBADF");
    });

    it("recvFrom() is for addresses of the Internet's", () => {
      const [a, b] = kept(socketpair("datagram"));
      send(a, hello);
      assertFails(
        () => recvFrom(b, new Uint8Array(8)),
        "recvfrom",
        "EAFNOSUPPORT",
      );
    });
  });

  describe('connect() with type "datagram"', () => {
    it("sends to one address and receives from there alone", () => {
      const [server, stranger] = [bound(), bound()];
      const { address, port } = server;
      const client = kept(connect({ address, port, type: "datagram" }));
      assertEquals(send(client, hello), 5);
      const [text, from] = receive(server.fd);
      assertEquals([text, from], ["hello", getsockname(client).port]);
      const here = getsockname(client);
      sendTo(stranger.fd, encoder.encode("strange"), here);
      sendTo(server.fd, encoder.encode("there"), here);
      awaitReadable(client);
      const buffer = new Uint8Array(8);
      assertEquals(recv(client, buffer), 5);
      assertStrictEquals(recv(client, buffer), null);
    });

    it("tells that nobody receives there", () => {
      const { fd, address, port } = bound();
      closeNow(fd);
      const client = kept(connect({ address, port, type: "datagram" }));
      send(client, hello);
      assert(isReady(client, POLLIN, PATIENCE_MS));
      const buffer = new Uint8Array(8);
      assertFails(() => recvFrom(client, buffer), "recvfrom", "ECONNREFUSED");
    });
  });
});
