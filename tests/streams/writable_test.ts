import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Loop } from "../../loop.ts";
import { recv, SystemError } from "../../posix.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { isPending, it, soon, turn } from "../async/support.ts";
import { bytes, Descriptors, drain, fill } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { encoder, LINES, Pattern } from "./support.ts";

describeKernels("writableStream()", () => {
  for (const line of LINES) {
    it(`writes all of a chunk that ${line.name} cannot take at once`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, fd] = line.open(fds);
      const stream = writableStream(loop, fd, { close: true });
      const writer = stream.getWriter();
      const pattern = new Pattern();
      const chunk = new Uint8Array(8 << 20);
      for (let at = 0; at < chunk.length; at += 65536) {
        chunk.set(pattern.next(Math.min(65536, chunk.length - at) - 15), at);
      }
      const written = writer.write(chunk);
      assert(await isPending(written));
      assertEquals(writer.desiredSize, 0);
      fds.forget(fd);
      const closed = writer.close();
      let at = 0;
      for await (const part of readableStream(loop, reader)) {
        assertEquals(part, chunk.subarray(at, at + part.length));
        at += part.length;
      }
      assertEquals(at, chunk.length);
      await soon(Promise.all([written, closed]));
    });
  }

  it("writes nothing more while there is no room", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const total = fill(a);
    const writer = writableStream(loop, a).getWriter();
    const first = writer.write(encoder.encode("first"));
    const second = writer.write(encoder.encode("second"));
    assert(await isPending(writer.ready));
    assert(await isPending(first));
    assertEquals(drain(b), total);
    await soon(Promise.all([first, second, writer.ready]));
    const buffer = bytes(64);
    assertEquals(buffer.subarray(0, recv(b, buffer) ?? 0).length, 11);
  });

  it("ends a socket's direction, and leaves the other and the descriptor", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const writer = writableStream(loop, a).getWriter();
    await soon(writer.write(encoder.encode("hello")));
    await soon(writer.close());
    assertEquals(recv(b, bytes(64)), 5);
    assertEquals(recv(b, bytes(64)), 0);
    fill(b);
    assert(drain(a) > 0);
  });

  it("takes a socket's end well when the other side is gone", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.tcp();
    const stream = writableStream(loop, a);
    fds.close(b);
    await soon(stream.close());
  });

  it("is errored by a write that nobody can read", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    for (const line of LINES.slice(0, 3)) {
      const [reader, fd] = line.open(fds);
      fds.close(reader);
      const writer = writableStream(loop, fd).getWriter();
      const error = await assertRejects(
        () => soon(writer.write(encoder.encode("x"))),
        SystemError,
      );
      assertEquals(error.code, "EPIPE");
      await assertRejects(() => writer.closed, SystemError);
      await assertRejects(() => writer.close(), TypeError);
    }
  });

  it("is errored when the reader leaves while it waits", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    for (const line of LINES.slice(0, 3)) {
      const [reader, fd] = line.open(fds);
      const writer = writableStream(loop, fd).getWriter();
      const written = writer.write(bytes(1 << 22));
      assert(await isPending(written));
      fds.close(reader);
      await assertRejects(() => soon(written), SystemError);
    }
  });

  it("is errored by what is no chunk", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [, fd] = fds.pipe();
    const detached = new Uint8Array(8);
    detached.buffer.transfer();
    const others: unknown[] = [
      "text",
      null,
      undefined,
      1,
      [1],
      new Uint16Array(1),
    ];
    for (const chunk of [...others, new ArrayBuffer(1), detached]) {
      const stream = writableStream(loop, fd);
      const writer = stream.getWriter();
      await assertRejects(
        () => soon(writer.write(chunk as Uint8Array)),
        TypeError,
        "chunk must be a Uint8Array",
      );
    }
  });

  it("believes no chunk that lies about itself", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    class Liar extends Uint8Array<ArrayBuffer> {
      override get length(): number {
        return 1 << 30;
      }
      override get byteOffset(): number {
        return 4096;
      }
      override subarray(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(1 << 20);
      }
    }
    const total = 1 << 20;
    const written = writableStream(loop, a).getWriter().write(
      new Liar(new ArrayBuffer(total)),
    );
    let count = 0;
    while (await isPending(written, 1)) count += drain(b);
    assertEquals(count + drain(b), total);
  });

  it("notices a chunk that loses its memory while it waits", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const chunk = bytes(1 << 22);
    const written = writableStream(loop, a).getWriter().write(chunk);
    assert(await isPending(written));
    chunk.buffer.transfer();
    assert(drain(b) > 0);
    await assertRejects(() => soon(written), TypeError, "detached");
  });

  it("takes empty chunks, and writes nothing for them", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    fill(a);
    const writer = writableStream(loop, a).getWriter();
    await soon(writer.write(bytes(0)));
    await turn();
    drain(b);
    assertEquals(recv(b, bytes(1)), null);
  });

  it("refuses what it cannot write to", () => {
    using loop = new Loop();
    using fds = new Descriptors();
    const [datagrams] = fds.socketpair("datagram");
    assertThrows(
      () => writableStream(loop, datagrams),
      TypeError,
      "fd must be",
    );
    assertThrows(() => writableStream(loop, 999_999), SystemError, "EBADF");
    assertThrows(() => writableStream(loop, NaN), RangeError, "fd");
    const mistyped = { autoAllocateChunkSize: 1 };
    assertThrows(() => writableStream(loop, 1, mistyped as object), TypeError);
  });
});
