import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { kevRead } from "../../mod.ts";
import {
  accept,
  close,
  connect,
  listen,
  setLinger,
  SystemError,
} from "../../posix.ts";
import { Loop, readableStream, writableStream } from "../../streams.ts";
import { isPending, soon } from "../async/support.ts";
import { encoder } from "../posix/support.ts"; // which opens the libraries
import { decoder, Pattern, textOf } from "../streams/support.ts";
import { itMay, Program } from "./program.ts";

const MIB = 1 << 20;
const CHUNK = 60_000;

/** One end of a connection. */
class End {
  readonly fd: number;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(loop: Loop, fd: number) {
    this.fd = fd;
    this.readable = readableStream(loop, fd, { close: true });
    this.writer = writableStream(loop, fd, { close: true }).getWriter();
  }

  async write(text: string): Promise<void> {
    await soon(this.writer.write(encoder.encode(text)));
  }

  async end(): Promise<void> {
    await Promise.allSettled([this.readable.cancel(), this.writer.abort()]);
  }
}

/** A proxy, with what connects to it and what it connects to. */
class Proxy implements AsyncDisposable {
  readonly loop = new Loop();
  readonly target = listen();
  readonly #program = new Program("proxy.ts", ["0", `${this.target.port}`]);
  readonly #ends: End[] = [];
  #port = 0;
  #refuses = false;

  /** A client on one side of it. */
  async connect(): Promise<End> {
    if (this.#port === 0) {
      const said = await this.#program.says(/^Port \d+/);
      this.#port = parseInt(said.slice("Port ".length));
    }
    return this.#keep(connect({ port: this.#port }));
  }

  /** The server on the other side. */
  async accept(): Promise<End> {
    await soon(this.loop.once(kevRead(this.target.fd)));
    const fd = accept(this.target.fd);
    assert(fd !== null);
    return this.#keep(fd);
  }

  /** From now on nobody is accepted. */
  refuse(): void {
    if (!this.#refuses) close(this.target.fd);
    this.#refuses = true;
  }

  #keep(fd: number): End {
    const end = new End(this.loop, fd);
    this.#ends.push(end);
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end.end();
    await this.#program[Symbol.asyncDispose]();
    await this.loop[Symbol.asyncDispose]();
    this.refuse();
  }
}

/** Writes so many bytes that can be checked, and ends. */
async function feed({ writer }: End, total: number): Promise<void> {
  const pattern = new Pattern();
  while (pattern.count < total) {
    await writer.write(pattern.next(Math.min(CHUNK, total - pattern.count)));
  }
  await writer.close();
}

async function check({ readable }: End, total: number): Promise<void> {
  const pattern = new Pattern();
  for await (const chunk of readable) pattern.check(chunk);
  assertEquals(pattern.count, total);
}

describe("examples/proxy.ts", () => {
  itMay("goes on in one direction when the other has ended", async () => {
    await using proxy = new Proxy();
    const client = await proxy.connect();
    const server = await proxy.accept();
    await client.write("question");
    await soon(client.writer.close());
    assertEquals(await soon(textOf(server.readable)), "question");
    const answer = textOf(client.readable);
    await server.write("ans");
    await server.write("wer");
    assert(await isPending(answer));
    await soon(server.writer.close());
    assertEquals(await soon(answer), "answer");
  });

  itMay(
    "passes on many bytes, both ways at once, on several connections",
    async () => {
      await using proxy = new Proxy();
      const all: Promise<void>[] = [];
      for (let i = 0; i < 4; i++) {
        const client = await proxy.connect();
        const server = await proxy.accept();
        all.push(feed(client, 8 * MIB), check(server, 8 * MIB));
        all.push(feed(server, 5 * MIB), check(client, 5 * MIB));
      }
      await soon(Promise.all(all), 60_000);
    },
  );

  itMay("makes a side wait when the other takes nothing", async () => {
    await using proxy = new Proxy();
    const client = await proxy.connect();
    const server = await proxy.accept();
    // More than the buffers between the two hold.
    const fed = feed(client, 64 * MIB);
    const reader = server.readable.getReader();
    await soon(reader.read());
    assert(await isPending(fed, 1000));
    reader.releaseLock();
    await reader.cancel().catch(() => {});
    fed.catch(() => {});
  });

  itMay("ends both sides when one of them breaks", async () => {
    await using proxy = new Proxy();
    const client = await proxy.connect();
    const server = await proxy.accept();
    await client.write("x");
    const reader = server.readable.getReader();
    assertEquals(decoder.decode((await soon(reader.read())).value), "x");
    setLinger(client.fd, 0);
    await client.end();
    const end = await soon(reader.read()).catch((error) => error);
    assert(end instanceof SystemError || end.done);
  });

  itMay("closes a connection that its target refuses", async () => {
    await using proxy = new Proxy();
    const first = await proxy.connect();
    await proxy.accept();
    await first.end();
    proxy.refuse();
    const client = await proxy.connect();
    const text = await soon(textOf(client.readable)).catch(() => "");
    assertEquals(text, "");
  });

  itMay("says how it is used", async () => {
    await using program = new Program("proxy.ts", ["7000"]);
    assertEquals(await program.exitCode(), 2);
    await assertRejects(() => program.says(/./), Error, "Usage: proxy.ts");
  });
});
