import { assert, assertEquals, assertRejects } from "@std/assert";
import { Loop } from "../../loop.ts";
import { close, dup, recv, SystemError } from "../../posix.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { isPending, it, soon } from "../async/support.ts";
import { bytes, Descriptors, fill } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { encoder, LINES, put, textOf } from "./support.ts";

const { BadResource } = Deno.errors;
const CLOSE = { close: true };

function isOpen(fd: number): boolean {
  try {
    close(dup(fd));
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === "EBADF") return false;
    throw error;
  }
}

describeKernels("who closes the descriptor of a stream", () => {
  it("is the caller unless told otherwise", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    for (const line of LINES) {
      const [reader, writer] = line.open(fds);
      await soon(writableStream(loop, writer).close());
      fds.close(writer);
      assertEquals(await soon(textOf(readableStream(loop, reader))), "");
      assert(isOpen(reader));
    }
  });

  for (const line of LINES) {
    it(`is the stream where it is to: the end of ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = line.open(fds);
      fds.forget(reader, writer);
      const sink = writableStream(loop, writer, CLOSE).getWriter();
      await soon(sink.write(encoder.encode("hello")));
      const text = textOf(readableStream(loop, reader, CLOSE));
      await soon(sink.close());
      assertEquals(isOpen(writer), false);
      assertEquals(await soon(text), "hello");
      assertEquals(isOpen(reader), false);
    });

    it(`is the stream where it is to: cancel and abort, of ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = line.open(fds);
      fds.forget(reader, writer);
      await soon(readableStream(loop, reader, CLOSE).cancel());
      await soon(writableStream(loop, writer, CLOSE).abort());
      assertEquals([isOpen(reader), isOpen(writer)], [false, false]);
    });

    it(`is the stream where it is to: an error, of ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = line.open(fds);
      fds.forget(writer);
      const stream = writableStream(loop, writer, CLOSE);
      const written = stream.getWriter().write(bytes(1 << 23));
      assert(await isPending(written));
      fds.close(reader);
      await assertRejects(() => soon(written), SystemError);
      assertEquals(isOpen(writer), false);
    });
  }

  it("is the last of two streams, whichever was told", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const both = [[CLOSE, CLOSE], [CLOSE, {}], [{}, CLOSE]];
    for (const [forReading, forWriting] of both) {
      for (const readsLonger of [true, false]) {
        const [a, b] = fds.socketpair();
        fds.forget(a);
        const readable = readableStream(loop, a, forReading);
        const writable = writableStream(loop, a, forWriting);
        const ends = [() => writable.close(), () => readable.cancel()];
        if (!readsLonger) ends.reverse();
        await soon(ends[0]());
        assert(isOpen(a));
        await soon(ends[1]());
        assertEquals(isOpen(a), false);
        fds.close(b);
      }
    }
  });

  it("closes it once: the number is not another's to lose", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    fds.forget(a);
    const readable = readableStream(loop, a, CLOSE);
    const writer = writableStream(loop, a, CLOSE).getWriter();
    await soon(readable.cancel());
    await soon(writer.close());
    assertEquals(isOpen(a), false);
    fds.dup2(b, a);
    await soon(readable.cancel());
    await assertRejects(() => writer.close(), TypeError);
    await soon(writer.abort());
    assert(isOpen(a));
  });
});

describeKernels("a stream whose descriptor is closed under it", () => {
  for (const line of LINES) {
    it(`is errored, and leaves the number alone: ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = line.open(fds);
      const read = readableStream(loop, reader, CLOSE).getReader().read();
      const sink = writableStream(loop, writer, CLOSE).getWriter();
      const written = sink.write(bytes(1 << 23));
      await soon(read);
      assert(await isPending(written));
      const other = readableStream(loop, reader, CLOSE).getReader();
      fds.close(reader, writer);
      const errors = [
        await assertRejects(() => soon(written), BadResource),
        await assertRejects(() => soon(sink.closed), BadResource),
        await assertRejects(() => soon(other.read()), BadResource),
      ];
      assertEquals(errors.map(({ message }) => message), [
        `Descriptor ${writer} was closed`,
        `Descriptor ${writer} was closed`,
        `Descriptor ${reader} was closed`,
      ]);
    });
  }

  it("says so of the number's next file: nothing reaches it", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const [other, its] = fds.socketpair();
    const reader = readableStream(loop, a).getReader();
    const idle = writableStream(loop, a, CLOSE).getWriter();
    const read = reader.read();
    assert(await isPending(read));
    fds.dup2(other, a);
    await assertRejects(() => soon(read), BadResource);
    put(its, "not for the stream");
    await assertRejects(() => soon(idle.write(bytes(1))), BadResource);
    await assertRejects(() => soon(reader.read()), BadResource);
    assertEquals(recv(its, bytes(1)), null);
    assert(isOpen(a));
    assertEquals(recv(b, bytes(1)), 0);
  });

  it("cannot end a connection that is another's", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a] = fds.socketpair();
    const [other, its] = fds.socketpair();
    const stream = writableStream(loop, a, CLOSE);
    fds.dup2(other, a);
    await assertRejects(() => soon(stream.close()), BadResource);
    assertEquals(recv(its, bytes(1)), null);
  });
});

describeKernels("a stream whose loop is closed", () => {
  it("is errored where it waits", async () => {
    const loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    fds.forget(a);
    fill(a);
    const read = readableStream(loop, a, CLOSE).getReader().read();
    const written = writableStream(loop, a, CLOSE).getWriter().write(bytes(1));
    assert(await isPending(Promise.race([read, written])));
    loop.close();
    await assertRejects(() => soon(read), BadResource, "The loop is closed");
    await assertRejects(() => soon(written), BadResource, "The loop is closed");
    assertEquals(isOpen(a), false);
    const late = readableStream(loop, b).getReader();
    assert(((await soon(late.read())).value?.length ?? 0) > 0);
  });

  it("is errored where it would have to wait", async () => {
    const loop = new Loop();
    using fds = new Descriptors();
    const [a] = fds.socketpair();
    const reader = readableStream(loop, a).getReader();
    loop.close();
    await assertRejects(() => soon(reader.read()), BadResource);
  });
});
