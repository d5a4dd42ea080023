import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { isNonblocking, recv } from "../../posix.ts";
import { Loop, readableStream, writableStream } from "../../streams.ts";
import { isPending, it, soon, turn } from "../async/support.ts";
import { bytes, Descriptors, drain, fill } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { Terminal } from "../semantics/terminal.ts";
import { decoder, encoder, LINES, put, textOf } from "./support.ts";

const REASON = new Error("that is enough");

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await soon(promise.then(() => undefined, (error) => error));
}

describeKernels("a stream that is stopped", () => {
  for (const line of LINES) {
    it(`by cancel takes nothing more: ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [fd, writer] = line.open(fds);
      const reader = readableStream(loop, fd).getReader();
      const read = reader.read();
      assert(await isPending(read));
      await soon(reader.cancel(REASON));
      assertEquals((await soon(read)).done, true);
      put(writer, "still there");
      await turn();
      const next = readableStream(loop, fd).getReader();
      assertEquals(
        decoder.decode((await soon(next.read())).value),
        "still there",
      );
    });

    it(`by abort gives nothing more, and the reason: ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, fd] = line.open(fds);
      const writer = writableStream(loop, fd).getWriter();
      const written = writer.write(bytes(1 << 24));
      const queued = writer.write(encoder.encode("queued"));
      assert(await isPending(written));
      const aborted = writer.abort(REASON);
      assertStrictEquals(await rejection(written), REASON);
      assertStrictEquals(await rejection(queued), REASON);
      assertStrictEquals(await rejection(writer.closed), REASON);
      await soon(aborted);
      const text = textOf(readableStream(loop, reader));
      await turn();
      fds.close(fd);
      assertEquals((await soon(text)).includes("queued"), false);
    });
  }

  it("by abort does not end a socket's direction", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    await soon(writableStream(loop, a).abort());
    assertEquals(recv(b, bytes(1)), null);
  });

  it("may be followed by another of the same descriptor", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    for (let round = 0; round < 3; round++) {
      const reader = readableStream(loop, a).getReader();
      const read = reader.read();
      fill(a);
      const writer = writableStream(loop, a).getWriter();
      const written = rejection(writer.write(bytes(1)));
      assert(await isPending(Promise.race([read, written])));
      await soon(Promise.all([reader.cancel(), writer.abort(REASON), read]));
      assertStrictEquals(await written, REASON);
      drain(b);
    }
  });

  it("by a pipe's signal, at both ends", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [from] = fds.socketpair();
    const [to] = fds.socketpair();
    const readable = readableStream(loop, from);
    const writable = writableStream(loop, to);
    const controller = new AbortController();
    const piped = readable.pipeTo(writable, controller);
    assert(await isPending(piped));
    controller.abort(REASON);
    assertStrictEquals(await rejection(piped), REASON);
    assertEquals((await soon(readable.getReader().read())).done, true);
    assertStrictEquals(await rejection(writable.getWriter().closed), REASON);
  });

  it("by a pipe's signal has the write under way done first, as the standard says", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [to, sink] = fds.socketpair();
    const before = fill(to);
    const chunk = new ReadableStream({
      start: (controller) => controller.enqueue(bytes(65536)),
    });
    const controller = new AbortController();
    const piped = chunk.pipeTo(writableStream(loop, to), controller);
    controller.abort(REASON);
    assert(await isPending(piped));
    let count = drain(sink);
    while (await isPending(piped, 1)) count += drain(sink);
    assertStrictEquals(await rejection(piped), REASON);
    assertEquals(count + drain(sink), before + 65536);
  });

  it("by closing its descriptor ends a pipe that has no room", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [to] = fds.socketpair();
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes(65536)),
    });
    const piped = endless.pipeTo(writableStream(loop, to, { close: true }));
    assert(await isPending(piped, 20));
    fds.close(to);
    assert(await rejection(piped) instanceof Deno.errors.BadResource);
  });

  it("by the error of what it is piped from", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode("part")),
      pull: (controller) => controller.error(REASON),
    }, { highWaterMark: 0 });
    const piped = broken.pipeTo(writableStream(loop, a));
    assertStrictEquals(await rejection(piped), REASON);
    const buffer = bytes(8);
    assertEquals(recv(b, buffer), 4);
    assertEquals(recv(b, buffer), null);
  });

  it("on one of two branches goes on in the other", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const [one, other] = readableStream(loop, a).tee();
    const text = textOf(other);
    put(b, "hello, ");
    const reader = one.getReader();
    await soon(reader.read());
    reader.cancel().catch(() => {});
    put(b, "world");
    fds.close(b);
    assertEquals(await soon(text), "hello, world");
  });
});

describeKernels("a stream of a terminal", () => {
  it("reads line by line, and leaves its mode alone", async () => {
    await using loop = new Loop();
    using terminal = new Terminal();
    const { master, slave } = terminal;
    const reader = readableStream(loop, slave).getReader();
    for (const line of ["one\n", "two\n"]) {
      const read = reader.read();
      put(master, line.slice(0, 2));
      assert(await isPending(read));
      put(master, line.slice(2));
      assertEquals(decoder.decode((await soon(read)).value), line);
    }
    assertEquals(isNonblocking(slave), false);
    put(master, "\x04");
    assertEquals((await soon(reader.read())).done, true);
  });

  it("writes, and ends with the other side", async () => {
    await using loop = new Loop();
    using terminal = new Terminal();
    const { master, slave } = terminal;
    const reader = readableStream(loop, master).getReader();
    await soon(
      writableStream(loop, slave).getWriter().write(encoder.encode("hi\n")),
    );
    let shown = ""; // it may come in pieces
    while (!shown.endsWith("\n")) {
      shown += decoder.decode((await soon(reader.read())).value);
    }
    assertEquals(shown, "hi\r\n");
    const typed = readableStream(loop, slave).getReader();
    const read = typed.read();
    assert(await isPending(read));
    await soon(reader.cancel());
    terminal.close(master);
    assertEquals((await soon(read)).done, true);
  });
});
