import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { hello } from "../../examples/http.ts";
import { HttpResponse } from "../../examples/http/response.ts";
import { SystemError } from "../../posix.ts";
import { pause, soon } from "../async/support.ts";
import {
  bodies,
  cleanUpAfterEach,
  Client,
  exchange,
  GET,
  HOST,
  LAST_GET,
  start,
  statuses,
} from "./http_support.ts";

const TIMEOUT_MS = 50;
const KIB = 1024;

describe("examples/http.ts and clients that are slow, or many:", () => {
  cleanUpAfterEach();

  it("a request that does not come to its end is answered with 408", async () => {
    const server = start({ timeoutMs: TIMEOUT_MS });
    for (
      const begun of [
        "G",
        `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nabc`,
        `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5`,
      ]
    ) {
      const before = performance.now();
      assertEquals(statuses(await exchange(server, begun)), [408]);
      const time = performance.now() - before;
      assert(time >= TIMEOUT_MS, `after ${time} ms`);
    }
  });

  it("bytes that go on coming do not put 408 off", async () => {
    const client = new Client(start({ timeoutMs: TIMEOUT_MS }));
    let isOver = false;
    const dripping = (async () => {
      await client.send("GET / HTTP/1.1\r\n");
      while (!isOver) {
        await client.send("X: a\r\n").catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    assertEquals(statuses(await client.receiveAll()), [408]);
    isOver = true;
    await dripping;
  });

  it("a connection on which nothing is asked is closed without a word", async () => {
    const server = start({ timeoutMs: TIMEOUT_MS });
    const fresh = new Client(server);
    assertEquals(await fresh.receiveAll(), "");
    const used = new Client(server);
    await used.send(GET);
    assertEquals(statuses(await used.receiveAll()), [200]);
  });

  it("a client that never reads is not read from any more, and closed", async () => {
    const body = new Uint8Array(64 * KIB);
    let answered = 0;
    const server = start({
      timeoutMs: 500,
      handler: () => {
        answered++;
        return new HttpResponse(200, body);
      },
    });
    const client = new Client(server);
    const requests = GET.repeat(1000);
    let sent = 0;
    await assertRejects(async () => {
      for (;; sent += 1000) await client.send(requests);
    }, SystemError);
    assertEquals(server.size, 0);
    assert(answered > 0 && answered < sent / 10, `${answered} of ${sent}`);
  });

  it("a client that reads late gets everything, in order", async () => {
    const count = 3000; // 30 MB of answers
    let next = 0;
    const server = start({
      handler: ({ path }) =>
        new HttpResponse(
          200,
          path === "/" ? `${next++}`.padEnd(10 * KIB) : "x".repeat(10 * KIB),
        ),
    });
    const client = new Client(server);
    await client.send(GET.repeat(count));
    // The server is there for others meanwhile, and gathers their answers where those of this one were.
    const other = GET.replace("/", "/other").repeat(6) +
      LAST_GET.replace("/", "/other");
    assertEquals(statuses(await exchange(server, other)).length, 7);
    await client.send(LAST_GET);
    const numbers = bodies(await soon(client.receiveAll())).map(Number);
    assertEquals(numbers, Array.from({ length: count + 1 }, (_, i) => i));
  });

  it("connections beyond the limit wait until another is closed", async () => {
    const server = start({ maxConnections: 2 });
    const [first, second, third] = [1, 2, 3].map(() => new Client(server));
    for (const client of [first, second]) {
      await client.send(GET);
      await client.receiveUntil("GET /");
    }
    await third.send(LAST_GET);
    assertEquals(server.size, 2);
    await first.send(GET); // those that are there go on
    await first.receiveUntil("GET /");
    assertEquals(server.size, 2);
    second.close();
    assertEquals(statuses(await third.receiveAll()), [200]);
  });

  it("1,000 idle connections leave the server at others' service", async () => {
    const server = start({ handler: hello });
    const idle: Client[] = [];
    while (idle.length < 1000) {
      // On macOS no more than 192 can wait to be accepted.
      for (let i = 0; i < 100; i++) idle.push(new Client(server));
      while (server.size < idle.length) await pause();
    }
    for (let i = 0; i < 100; i++) {
      assertEquals(statuses(await exchange(server, LAST_GET)), [200]);
    }
    assert(server.size >= 1000, `${server.size}`);
    for (const client of idle) await client.send(LAST_GET);
    for (const client of idle) {
      assertEquals(statuses(await client.receiveAll()), [200]);
    }
  });

  it("a client that resets its connection harms nobody", async () => {
    const server = start();
    for (let i = 0; i < 20; i++) {
      const client = new Client(server);
      await client.send(GET);
      client.reset();
    }
    assertEquals(statuses(await exchange(server, LAST_GET)), [200]);
  });
});
