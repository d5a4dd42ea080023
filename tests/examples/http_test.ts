import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { hello } from "../../examples/http.ts";
import { HttpResponse } from "../../examples/http/response.ts";
import { soon } from "../async/support.ts";
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

describe("examples/http.ts answers", () => {
  cleanUpAfterEach();

  it("a request, with a length and a date", async () => {
    const answer = await exchange(start({ handler: hello }), LAST_GET);
    assertMatch(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assertMatch(answer, /\r\nContent-Length: 13\r\n/);
    assertMatch(answer, /\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    assertMatch(answer, /\r\nConnection: close\r\n/);
    assertMatch(answer, /\r\n\r\nHello, World!$/);
  });

  it("several requests on one connection, one after the other", async () => {
    const client = new Client(start());
    for (const path of ["/a", "/b", "/c"]) {
      await client.send(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`);
      const answer = await client.receiveUntil(`GET ${path}`);
      assertEquals(statuses(answer), [200]);
      assert(!answer.includes("Connection:"));
    }
  });

  it("pipelined requests in their order, with and without bodies", async () => {
    const requests = [
      `GET /1 HTTP/1.1\r\n${HOST}\r\n`,
      `POST /2 HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
      `POST /3 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n`,
      `GET /4 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    ];
    const answers = await exchange(start(), requests.join(""));
    assertEquals(bodies(answers), [
      "GET /1 ",
      "POST /2 abc",
      "POST /3 def",
      "GET /4 ",
    ]);
  });

  it("more pipelined requests than one buffer holds", async () => {
    const count = 5000;
    const server = start({ handler: hello });
    const client = new Client(server);
    const sending = client.send(GET.repeat(count - 1) + LAST_GET);
    const answers = await client.receiveAll();
    await sending;
    assertEquals(statuses(answers).length, count);
    assertEquals(bodies(answers).at(-1), "Hello, World!");
  });

  it("a request that comes byte by byte", async () => {
    const client = new Client(start());
    const request = `\r\nPOST /x HTTP/1.1\r\n${HOST}` +
      "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
      "3;ext=1\r\nabc\r\n01\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
    for (const byte of request) {
      await client.send(byte);
      await new Promise((resolve) => setTimeout(resolve)); // lets the server look at it
    }
    assertEquals(bodies(await client.receiveAll()), ["POST /x abcd"]);
  });

  it("HEAD with the head alone", async () => {
    const server = start({ handler: hello });
    const answer = await exchange(
      server,
      `HEAD / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    );
    assertMatch(answer, /\r\nContent-Length: 13\r\n/);
    assertMatch(answer, /\r\n\r\n$/);
  });

  it("HTTP/1.0 and closes, or not if the client asks for that", async () => {
    const server = start();
    const closed = await exchange(server, "GET /a HTTP/1.0\r\n\r\n");
    assertMatch(closed, /\r\nConnection: close\r\n/);
    const kept = await exchange(
      server,
      "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
    );
    assertEquals(bodies(kept), ["GET /a ", "GET /b "]);
    assertMatch(kept, /\r\nConnection: keep-alive\r\n/);
  });

  it("Expect: 100-continue before the body is sent", async () => {
    const client = new Client(start());
    await client.send(
      `PUT /x HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`,
    );
    const word = await client.receiveSome();
    assertEquals(word, "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("body");
    assertEquals(bodies(await client.receiveAll()), ["PUT /x body"]);
  });

  it("without 100 where the body has come along", async () => {
    const answer = await exchange(
      start(),
      `PUT /x HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody`,
    );
    assertEquals(statuses(answer), [200]);
  });

  it("a body of 1 MiB, by its length and in chunks", async () => {
    const server = start({ handler: hello });
    const body = "x".repeat(1 << 20);
    const head = `POST /echo HTTP/1.1\r\n${HOST}Connection: close\r\n`;
    const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
    for (
      const request of [
        `${head}Content-Length: ${body.length}\r\n\r\n${body}`,
        `${head}Transfer-Encoding: chunked\r\n\r\n${
          chunk.repeat(256)
        }0\r\n\r\n`,
      ]
    ) {
      const [echo] = bodies(await exchange(server, request));
      assertEquals(echo === body, true);
    }
  });

  it("a client that says nothing more while it waits", async () => {
    const client = new Client(start());
    await client.send(GET);
    client.end();
    assertEquals(statuses(await soon(client.receiveAll())), [200]);
  });

  it("404 and 405", async () => {
    const server = start({ handler: hello });
    const answers = await exchange(
      server,
      `GET /none HTTP/1.1\r\n${HOST}\r\nDELETE / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    );
    assertEquals(statuses(answers), [404, 405]);
    assertMatch(answers, /\r\nAllow: GET, HEAD\r\n/);
  });

  it("HttpResponse refuses what would not stay a field", () => {
    let thrown = 0;
    for (
      const headers of [
        { "X": "a\r\nSet-Cookie: b" },
        { "X\r\nY": "a" },
        { "Content-Length": "5" },
        { "X": "\u20ac" },
      ]
    ) {
      try {
        new HttpResponse(200, "", headers);
      } catch (error) {
        if (error instanceof TypeError) thrown++;
      }
    }
    assertEquals(thrown, 4);
  });
});
