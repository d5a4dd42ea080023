import {
  assert,
  assertEquals,
  assertGreater,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { pipe, recv, send, socketpair, write } from "../../posix.ts";
import {
  assertFails,
  awaitReadable,
  cleanUp,
  closeNow,
  decoder,
  encoder,
  kept,
  NOT_OPEN,
  readText,
  tcpPair,
} from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("recv() and send()", () => {
    it("never wait", () => {
      const [a, b] = kept(socketpair());
      assertStrictEquals(recv(b, new Uint8Array(1)), null);
      const chunk = new Uint8Array(1 << 16).fill(7);
      let sent = 0;
      for (let count; (count = send(a, chunk)) !== null;) sent += count;
      assertGreater(sent, 0);
      let received = 0;
      for (let count; (count = recv(b, chunk)) !== null;) received += count;
      assertEquals(received, sent);
      assertEquals(send(a, chunk.subarray(0, 9)), 9);
    });

    it("never wait on TCP, and send() takes a part where not all fits", () => {
      const [client, server] = tcpPair();
      const sent = send(client, new Uint8Array(64 << 20));
      assert(sent !== null && sent > 0 && sent < 64 << 20, `${sent}`);
      awaitReadable(server);
      assertGreater(recv(server, new Uint8Array(1 << 16)) ?? 0, 0);
    });

    it("keep to the view that they are given", () => {
      const [a, b] = kept(socketpair());
      assertEquals(send(a, encoder.encode("0123").subarray(1, 3)), 2);
      const into = new Uint8Array(4);
      assertEquals(recv(b, into.subarray(2)), 2);
      assertEquals([...into], [0, 0, 49, 50]);
    });

    it("take an empty view", () => {
      const [a, b] = kept(socketpair("datagram"));
      assertEquals(send(a, new Uint8Array(0)), 0);
      assertEquals(recv(b, new Uint8Array(0)), 0);
    });

    it("keep datagrams apart, empty ones too", () => {
      const [a, b] = kept(socketpair("datagram"));
      for (const text of ["one", "", "three"]) send(a, encoder.encode(text));
      const buffer = new Uint8Array(4);
      assertEquals([3, 0, 4, null], [0, 1, 2, 3].map(() => recv(b, buffer)));
    });

    it("with peek leave the bytes where they are", () => {
      const [a, b] = kept(socketpair());
      send(a, encoder.encode("hello"));
      const buffer = new Uint8Array(3);
      assertEquals(recv(b, buffer, { peek: true }), 3);
      assertEquals(recv(b, buffer), 3);
      assertEquals(decoder.decode(buffer), "hel");
      assertEquals(recv(b, buffer), 2);
    });

    it("do as they do without options, unless an option says otherwise", () => {
      const [a, b] = kept(socketpair());
      const buffer = new Uint8Array(8);
      for (const options of [{}, { peek: false }, { outOfBand: false }]) {
        assertEquals(send(a, encoder.encode("hello"), {}), 5);
        assertEquals(recv(b, buffer, options), 5);
        assertStrictEquals(recv(b, buffer), null);
      }
      const [client, server] = tcpPair();
      send(client, encoder.encode("ab"), { outOfBand: false });
      assertEquals(readText(server), "ab");
      send(client, encoder.encode("cd!"), { outOfBand: true });
      assertEquals(readText(server), "cd");
      assertEquals(recv(server, buffer, { outOfBand: true }), 1);
      assertFails(
        () => recv(server, buffer, { outOfBand: true }),
        "recv",
        "EINVAL",
      );
    });

    it("with outOfBand carry the last byte beside the others", () => {
      const [client, server] = tcpPair();
      assertEquals(send(client, encoder.encode("ab!"), { outOfBand: true }), 3);
      // In one piece: with "ab" the other byte has come, too.
      assertEquals(readText(server), "ab");
      const buffer = new Uint8Array(8);
      assertEquals(recv(server, buffer, { outOfBand: true }), 1);
      assertEquals(buffer[0], 33);
      assertEquals(send(client, encoder.encode("cd")), 2);
      assertEquals(readText(server), "cd");
    });

    it("tell the end", () => {
      const [a, b] = kept(socketpair());
      closeNow(a);
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(b, new Uint8Array(1)), "send", "EPIPE");
    });

    it("fail with the kernel's errno", () => {
      const [reader, writer] = kept(pipe());
      const bytes = new Uint8Array(1);
      assertFails(() => recv(reader, bytes), "recv", "ENOTSOCK");
      assertFails(() => send(writer, bytes), "send", "ENOTSOCK");
      assertFails(() => recv(NOT_OPEN, bytes), "recv", "EBADF");
      assertFails(() => send(NOT_OPEN, bytes), "send", "EBADF");
      const [a] = kept(socketpair("datagram"));
      assertFails(() => send(a, new Uint8Array(16 << 20)), "send", "EMSGSIZE");
      const [, b] = kept(socketpair());
      assertFails(
        () => recv(b, bytes, { outOfBand: true }),
        "recv",
        "EINVAL",
        "ENOTSUP",
        "EOPNOTSUPP",
      );
    });
  });

  describe("socketpair()", () => {
    it("moves bytes both ways", () => {
      const [a, b] = kept(socketpair());
      write(a, encoder.encode("there"));
      assertEquals(readText(b), "there");
      write(b, encoder.encode("back"));
      assertEquals(readText(a), "back");
    });

    it("throws for a type that it does not know", () => {
      assertThrows(
        () => socketpair("raw" as "stream"),
        TypeError,
        'type must be "stream" or "datagram", got "raw"',
      );
    });
  });
});
