import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  bind,
  pipe,
  read,
  recv,
  recvFrom,
  send,
  sendTo,
  socketpair,
  write,
} from "../../posix.ts";
import { awaitReadable, cleanUp, encoder, kept, NOT_OPEN } from "./support.ts";

/** A Uint8Array that says in every way that it is longer than it is. */
class Liar extends Uint8Array {
  override get byteLength(): number {
    return 1 << 20;
  }
  override get length(): number {
    return 1 << 20;
  }
  override get byteOffset(): number {
    return 1 << 19;
  }
}

/** Liars of another kind: what they say is a property of their own. */
function withOwnLength(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return Object.defineProperty(bytes, "byteLength", { value: 1 << 20 });
}

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("the bytes that calls move", () => {
    it("must be a Uint8Array", () => {
      const to = { address: "127.0.0.1", port: 1 };
      const gives: ((bytes: Uint8Array) => unknown)[] = [
        (bytes) => write(NOT_OPEN, bytes),
        (bytes) => send(NOT_OPEN, bytes),
        (bytes) => sendTo(NOT_OPEN, bytes, to),
      ];
      const takes: ((buffer: Uint8Array) => unknown)[] = [
        (buffer) => read(NOT_OPEN, buffer),
        (buffer) => recv(NOT_OPEN, buffer),
        (buffer) => recvFrom(NOT_OPEN, buffer),
      ];
      for (
        const [name, calls] of [["bytes", gives], ["buffer", takes]] as const
      ) {
        for (const call of calls) {
          for (
            const [value, shown] of [
              ["hello", '"hello"'],
              [undefined, "undefined"],
              [[1, 2], "an array"],
              [new ArrayBuffer(4), "[object ArrayBuffer]"],
              [new Int8Array(4), "[object Int8Array]"],
              [new Uint8ClampedArray(4), "[object Uint8ClampedArray]"],
              [Object.create(Uint8Array.prototype), "[object Object]"],
              [new Proxy(new Uint8Array(4), {}), "[object Object]"],
            ]
          ) {
            assertThrows(
              () => call(value as Uint8Array),
              TypeError,
              `${name} must be a Uint8Array, got ${shown}`,
            );
          }
        }
      }
    });

    it("are as many as the buffer has, whatever it says itself", () => {
      const [a, b] = kept(socketpair());
      const [reader, writer] = kept(pipe());
      send(a, new Uint8Array(100));
      write(writer, new Uint8Array(100));
      for (const liar of [() => new Liar(16), () => withOwnLength(16)]) {
        assertEquals(recv(b, liar()), 16);
        assertEquals(read(reader, liar()), 16);
        assertEquals(send(b, liar()), 16);
        assertEquals(write(writer, liar()), 16);
      }
      const [c, d] = [bind(), bind()];
      kept([c.fd, d.fd]);
      assertEquals(sendTo(c.fd, new Liar(16), d), 16);
      awaitReadable(d.fd);
      assertEquals(recvFrom(d.fd, new Liar(8))?.count, 8);
    });

    it("may be in resizable memory, as far as it reaches", () => {
      const [a, b] = kept(socketpair());
      send(a, encoder.encode("0123456789"));
      const memory = new ArrayBuffer(4, { maxByteLength: 1 << 16 });
      const tracking = new Uint8Array(memory);
      assertEquals(recv(b, tracking), 4);
      memory.resize(2);
      assertEquals(recv(b, tracking), 2);
      memory.resize(8);
      assertEquals(recv(b, tracking), 4);
      assertEquals([...tracking], [54, 55, 56, 57, 0, 0, 0, 0]);
    });

    it("must have their memory: a count of 0 would read as the end", () => {
      const [a, b] = kept(socketpair());
      send(a, new Uint8Array(4));
      const detached = new Uint8Array(4);
      detached.buffer.transfer();
      const memory = new ArrayBuffer(8, { maxByteLength: 8 });
      const outside = new Uint8Array(memory, 4, 4);
      memory.resize(4);
      for (const bytes of [detached, outside]) {
        const message =
          "must be a Uint8Array with its memory, got one that is detached";
        assertThrows(() => recv(b, bytes), TypeError, `buffer ${message}`);
        assertThrows(() => send(a, bytes), TypeError, `bytes ${message}`);
      }
      assertStrictEquals(recv(b, new Uint8Array(8)), 4);
    });

    it("are counted by what was there when the module was loaded", () => {
      const [a] = kept(socketpair());
      const prototype = Object.getPrototypeOf(Uint8Array.prototype);
      const { byteLength } = Object.getOwnPropertyDescriptors(prototype);
      const before = Function.prototype.call;
      try {
        Object.defineProperty(prototype, "byteLength", {
          get: () => 1 << 20,
          configurable: true,
        });
        Function.prototype.call = () => 1 << 20;
        assertEquals(send(a, new Uint8Array(16)), 16);
      } finally {
        Function.prototype.call = before;
        Object.defineProperty(prototype, "byteLength", byteLength);
      }
    });
  });
});
