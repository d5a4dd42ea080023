import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Loop } from "../../loop.ts";
import { EV_EOF, kevWrite } from "../../mod.ts";
import {
  creat,
  open,
  setLinger,
  setReceiveBufferSize,
  setSendBufferSize,
  SystemError,
  unlink,
  write,
} from "../../posix.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { isPending, it, itUnless, soon, turn } from "../async/support.ts";
import {
  Descriptors,
  drain,
  fill,
  send,
  temporaryPath,
} from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { decoder, LINES, put } from "./support.ts";

describeKernels("readableStream()", (kernel) => {
  for (const line of LINES) {
    it(`gives what is there, and the end, of ${line.name}`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [fd, writer] = line.open(fds);
      const reader = readableStream(loop, fd).getReader();
      put(writer, "hello");
      const { value, done } = await soon(reader.read());
      assertEquals([decoder.decode(value), done], ["hello", false]);
      const next = reader.read();
      assert(await isPending(next));
      put(writer, "world");
      assertEquals(decoder.decode((await soon(next)).value), "world");
      const last = reader.read();
      assert(await isPending(last));
      fds.close(writer);
      assertEquals((await soon(last)).done, true);
      await soon(reader.closed);
    });
  }

  it("reads nothing that nobody asks for", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const stream = readableStream(loop, a);
    const total = fill(b);
    await turn();
    const reader = stream.getReader();
    const { value } = await soon(reader.read());
    await turn();
    assertEquals((value?.length ?? 0) + drain(a), total);
  });

  it("does not look at what comes in while nobody reads, and goes on afterwards", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const [other, its] = fds.socketpair();
    const reader = readableStream(loop, a).getReader();
    const busy = readableStream(loop, other).getReader();
    for (let round = 0; round < 3; round++) {
      const read = reader.read();
      assert(await isPending(read));
      put(b, "awaited");
      assertEquals((await soon(read)).value?.length, 7);
      // The loop goes on for the other stream, and meets events of this one.
      const pending = busy.read();
      put(b, "not");
      assert(await isPending(pending));
      put(b, "awaited");
      put(its, "x");
      await soon(pending);
      assertEquals((await soon(reader.read())).value?.length, 10);
    }
  });

  it("gives chunks of autoAllocateChunkSize bytes at most", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [fd, writer] = fds.pipe();
    const options = { autoAllocateChunkSize: 4 };
    const reader = readableStream(loop, fd, options).getReader();
    put(writer, "hello");
    assertEquals(decoder.decode((await soon(reader.read())).value), "hell");
    assertEquals(decoder.decode((await soon(reader.read())).value), "o");
  });

  it("gives chunks that share no memory", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    setSendBufferSize(b, 1 << 17);
    setReceiveBufferSize(a, 1 << 17);
    const reader = readableStream(loop, a).getReader();
    const chunks: Uint8Array[] = [];
    for (const size of [65536, 10, 65536, 40000, 10]) {
      send(b, size);
      chunks.push((await soon(reader.read())).value ?? new Uint8Array());
      chunks.at(-1)?.fill(chunks.length);
    }
    for (const [index, chunk] of chunks.entries()) {
      assert(chunk.every((byte) => byte === index + 1));
    }
    assertEquals(new Set(chunks.map(({ buffer }) => buffer)).size, 5);
    assertEquals(
      chunks.map(({ buffer }) => buffer.byteLength),
      [65536, 10, 65536, 65536, 10],
    );
  });

  it("takes all of a line that is longer than a chunk", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const stream = readableStream(loop, a, { autoAllocateChunkSize: 1000 });
    const total = fill(b);
    fds.close(b);
    let count = 0;
    for await (const chunk of stream) count += chunk.length;
    assertEquals(count, total);
  });

  it("reads a regular file to its end", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const path = temporaryPath();
    const text = "a line of a file\n".repeat(10_000);
    write(fds.keep(creat(path)), new TextEncoder().encode(text));
    const stream = readableStream(loop, fds.keep(open(path)));
    unlink(path);
    assertEquals(await soon(new Response(stream).text()), text);
  });

  it("is errored by a connection that broke, behind the bytes that came before", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.tcp();
    const reader = readableStream(loop, a).getReader();
    const first = reader.read();
    put(b, "hello");
    assertEquals((await soon(first)).value?.length, 5);
    const next = reader.read();
    assert(await isPending(next));
    setLinger(b, 0);
    fds.close(b);
    const error = await assertRejects(() => soon(next), SystemError);
    assertEquals(error.code, "ECONNRESET");
    await assertRejects(() => reader.closed, SystemError);
  });

  // The C library learns of an error by SO_ERROR, which takes it.
  const takes = kernel.isStandIn
    ? "the C library's events take a socket's error for good"
    : undefined;
  itUnless(
    takes,
    "is errored by a broken connection that another watcher saw first",
    async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [a, b] = fds.tcp();
      setLinger(b, 0);
      fds.close(b);
      // The event takes the socket's error on Linux.
      let event = await soon(loop.once(kevWrite(a)));
      while ((event.flags & EV_EOF) === 0) {
        event = await soon(loop.once(kevWrite(a)));
      }
      const reader = readableStream(loop, a).getReader();
      await assertRejects(() => soon(reader.read()), SystemError);
    },
  );

  it("refuses what it cannot read", () => {
    using loop = new Loop();
    using fds = new Descriptors();
    const [datagrams] = fds.socketpair("datagram");
    assertThrows(
      () => readableStream(loop, datagrams),
      TypeError,
      `got ${datagrams}, a socket of messages`,
    );
    const { code } = assertThrows(
      () => readableStream(loop, 999_999),
      SystemError,
    );
    assertEquals(code, "EBADF");
    assertThrows(() => readableStream(loop, -1), RangeError, "fd");
    const [fd] = fds.pipe();
    for (const size of [0, -1, 1.5, NaN, 2 ** 31]) {
      assertThrows(
        () => readableStream(loop, fd, { autoAllocateChunkSize: size }),
        RangeError,
        "autoAllocateChunkSize",
      );
    }
    assertThrows(
      () => readableStream({} as Loop, fd),
      TypeError,
      "loop must be a Loop, got [object Object]",
    );
    const close = 1 as unknown as boolean;
    for (const make of [readableStream, writableStream]) {
      assertThrows(
        () => make(loop, fd, { close }),
        TypeError,
        "close must be true or false, got 1",
      );
    }
    const mistyped = { autoClose: true };
    assertThrows(() => readableStream(loop, fd, mistyped as object), TypeError);
  });

  it("takes the ident of an event", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [fd, writer] = fds.pipe();
    put(writer, "x");
    const reader = readableStream(loop, BigInt(fd)).getReader();
    assertEquals((await soon(reader.read())).value?.length, 1);
  });
});
