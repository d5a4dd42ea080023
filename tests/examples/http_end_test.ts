import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { close, listen, SystemError } from "../../posix.ts";
import { itUnless, lacks } from "../async/support.ts";
import {
  cleanUpAfterEach,
  Client,
  exchange,
  GET,
  LAST_GET,
  start,
  statuses,
} from "./http_support.ts";

const ROOT = new URL("../../", import.meta.url);
const reason = lacks({ name: "run" }) ?? lacks({ name: "read" });

describe("examples/http.ts ends", () => {
  cleanUpAfterEach();

  it("by shutdown(), when what was asked is answered", async () => {
    const server = start();
    const idle = new Client(server);
    const busy = new Client(server);
    for (const client of [idle, busy]) {
      await client.send(GET);
      await client.receiveUntil("GET /");
    }
    await busy.send(GET.slice(0, 20));
    let isOver = false;
    const end = server.shutdown().then(() => isOver = true);
    assertEquals(await idle.receiveAll(), "");
    idle.close();
    assertEquals(isOver, false);
    await busy.send(GET.slice(20) + GET);
    const answer = await busy.receiveAll();
    assertEquals(statuses(answer), [200]);
    assert(answer.includes("Connection: close"));
    busy.close();
    await end;
    assertEquals(server.size, 0);
    await assertRejects(() => exchange(server, LAST_GET), SystemError);
  });

  it("by shutdown() of what has been asked and not read yet", async () => {
    const server = start();
    const clients = [1, 2, 3].map(() => new Client(server));
    for (const client of clients) await client.send(GET);
    const end = server.shutdown();
    for (const client of clients) {
      assertEquals(statuses(await client.receiveAll()), [200]);
      client.close();
    }
    await end;
  });

  it("by close() at once", async () => {
    const server = start();
    const client = new Client(server);
    await client.send(GET.slice(0, 20));
    await server.close();
    await server.close();
    assertEquals(server.size, 0);
  });

  itUnless(
    reason,
    "by SIGINT under load, with every answer whole",
    async () => {
      await using program = await Program.start("http.ts", []);
      const clients = Array.from(
        { length: 20 },
        () => new Client({ port: program.port }),
      );
      let answers = 0;
      const asking = clients.map(async (client) => {
        for (;;) {
          await client.send(GET);
          const answer = await client.receiveSome();
          if (answer === "") return;
          assert(answer.endsWith("\r\n\r\nHello, World!"), answer);
          if (++answers === 1000) program.child.kill("SIGINT");
          if (answer.includes("Connection: close")) {
            assertEquals(await client.receiveSome(), "");
            return;
          }
        }
      });
      await Promise.all(asking);
      for (const client of clients) client.close();
      assertEquals((await program.child.status).code, 0);
      assert(answers >= 1000);
    },
  );

  itUnless(reason, "on all its Workers by SIGINT", async () => {
    await using program = await Program.start("http_workers.ts", ["2"]);
    for (let i = 0; i < 20; i++) {
      const client = new Client({ port: program.port });
      await client.send(LAST_GET);
      assertEquals(statuses(await client.receiveAll()), [200]);
      client.close();
    }
    program.child.kill("SIGINT");
    assertEquals((await program.child.status).code, 0);
  });
});

/** An example that runs as a program of its own. */
class Program implements AsyncDisposable {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly port: number,
    readonly reader: ReadableStreamDefaultReader<Uint8Array>,
  ) {}

  /** Starts it, and waits until it says where it listens. */
  static async start(name: string, args: string[]): Promise<Program> {
    const port = freePort();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--allow-ffi", "--allow-read"],
        ...[`examples/${name}`, `${port}`, ...args],
      ],
      cwd: ROOT,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    assert(new TextDecoder().decode(value).includes(`:${port}/`));
    return new Program(child, port, reader);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.child.status;
    await this.reader.cancel();
  }
}

function freePort(): number {
  const { fd, port } = listen();
  close(fd);
  return port;
}
