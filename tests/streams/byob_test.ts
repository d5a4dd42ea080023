import { assert, assertEquals, assertRejects } from "@std/assert";
import { Loop } from "../../loop.ts";
import { readableStream } from "../../streams.ts";
import { isPending, it, soon, turn } from "../async/support.ts";
import { Descriptors, drain, send } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { decoder, LINES, put, textOf } from "./support.ts";

describeKernels("a reader with its own buffer", () => {
  for (const line of LINES) {
    it(`has it filled from ${line.name}, and gets it back at the end`, async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [fd, writer] = line.open(fds);
      const reader = readableStream(loop, fd).getReader({ mode: "byob" });
      const read = reader.read(new Uint8Array(8));
      assert(await isPending(read));
      put(writer, "hello, world");
      const { value, done } = await soon(read);
      assertEquals([decoder.decode(value), done], ["hello, w", false]);
      const rest = await soon(reader.read(value ?? new Uint8Array(8)));
      assertEquals(decoder.decode(rest.value), "orld");
      const last = reader.read(new Uint8Array(8));
      fds.close(writer);
      const end = await soon(last);
      assertEquals([end.value?.length, end.value?.buffer.byteLength], [0, 8]);
      assertEquals(end.done, true);
    });
  }

  it("takes no more from the kernel than fits", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const reader = readableStream(loop, a).getReader({ mode: "byob" });
    send(b, 100);
    assertEquals(
      (await soon(reader.read(new Uint8Array(30)))).value?.length,
      30,
    );
    await turn();
    assertEquals(drain(a), 70);
  });

  it("waits for as much as it asks for at least", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const reader = readableStream(loop, a).getReader({ mode: "byob" });
    const read = reader.read(new Uint8Array(8), { min: 6 });
    for (const part of ["ab", "cd", "e"]) {
      put(b, part);
      assert(await isPending(read));
    }
    put(b, "fghij");
    assertEquals(decoder.decode((await soon(read)).value), "abcdefgh");
    put(b, "kl");
    fds.close(b);
    const view = new Uint8Array(8);
    const rest = await soon(reader.read(view, { min: 8 }));
    assertEquals(decoder.decode(rest.value), "ijkl");
    assertEquals((await soon(reader.read(new Uint8Array(1)))).done, true);
  });

  it("reads whole numbers, and an end in the middle of one is an error", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const reader = readableStream(loop, a).getReader({ mode: "byob" });
    const read = reader.read(new Uint32Array(4));
    put(b, "abc");
    assert(await isPending(read));
    put(b, "defg");
    assertEquals((await soon(read)).value?.length, 1);
    const broken = reader.read(new Uint32Array(4));
    fds.close(b);
    await assertRejects(() => soon(broken), TypeError);
    await assertRejects(() => soon(reader.closed), TypeError);
  });

  it("that lets go while it waits loses nothing", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const stream = readableStream(loop, a);
    const byob = stream.getReader({ mode: "byob" });
    const left = assertRejects(() => byob.read(new Uint8Array(8)), TypeError);
    await turn();
    byob.releaseLock();
    await soon(left);
    const plain = stream.getReader();
    const abandoned = assertRejects(() => plain.read(), TypeError);
    plain.releaseLock();
    await soon(abandoned);
    put(b, "hello");
    fds.close(b);
    assertEquals(await soon(textOf(stream)), "hello");
  });

  it("and one without may take turns", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const stream = readableStream(loop, a);
    put(b, "abcdef");
    const byob = stream.getReader({ mode: "byob" });
    const { value } = await soon(byob.read(new Uint8Array(2)));
    assertEquals(decoder.decode(value), "ab");
    byob.releaseLock();
    const plain = stream.getReader();
    assertEquals(decoder.decode((await soon(plain.read())).value), "cdef");
  });
});
