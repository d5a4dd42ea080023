import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HttpResponse } from "../../examples/http/response.ts";
import {
  cleanUpAfterEach,
  Client,
  exchange,
  HOST,
  LAST_GET,
  start,
  statuses,
} from "./http_support.ts";

const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const BODY = `${POST}${CHUNKED}\r\n`;

/** Requests that could be taken for something else, or are none. */
const REFUSED: Record<number, Record<string, string>> = {
  400: {
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "two Hosts": `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
    "a Host that is none": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "two lengths": `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    "a length said twice":
      `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
    "a list of lengths": `${POST}Content-Length: 1, 1\r\n\r\na`,
    "a length with a sign": `${POST}Content-Length: +1\r\n\r\na`,
    "a negative length": `${POST}Content-Length: -1\r\n\r\na`,
    "a hexadecimal length": `${POST}Content-Length: 0x1\r\n\r\na`,
    "an empty length": `${POST}Content-Length:\r\n\r\na`,
    "a length and chunks":
      `${POST}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n`,
    "chunks and a length":
      `${POST}${CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n`,
    "chunked twice": `${POST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`,
    "chunks in HTTP/1.0": `POST / HTTP/1.0\r\n${CHUNKED}\r\n0\r\n\r\n`,
    "a chunk size that is no number": `${BODY}x\r\n`,
    "an empty chunk size": `${BODY}\r\n`,
    "a chunk size with a sign": `${BODY}+1\r\na\r\n0\r\n\r\n`,
    "a chunk size with 0x": `${BODY}0x1\r\na\r\n0\r\n\r\n`,
    "a space before the chunk size": `${BODY} 1\r\na\r\n0\r\n\r\n`,
    "a space behind the chunk size": `${BODY}1 \r\na\r\n0\r\n\r\n`,
    "a chunk size beyond 32 bits": `${BODY}100000001\r\na\r\n0\r\n\r\n`,
    "a chunk longer than its size": `${BODY}1\r\nab\r\n0\r\n\r\n`,
    "a chunk that ends in LF": `${BODY}1\r\na\n0\r\n\r\n`,
    "a chunk size that ends in LF": `${BODY}1\na\r\n0\r\n\r\n`,
    "an extension with an LF": `${BODY}1;a\nb\r\na\r\n0\r\n\r\n`,
    "a trailer that is none": `${BODY}0\r\nno colon\r\n\r\n`,
    "LF alone behind the first line": `GET / HTTP/1.1\n${HOST}\r\n`,
    "LF alone behind a field": "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "LF alone as the empty line": `GET / HTTP/1.1\r\n${HOST}\n`,
    "CR alone in a field": `GET / HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`,
    "CR alone in the first line": `GET /\rX HTTP/1.1\r\n${HOST}\r\n`,
    "NUL in a field": `GET / HTTP/1.1\r\n${HOST}X: a\0\r\n\r\n`,
    "a folded field": `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
    "a folded first field": `GET / HTTP/1.1\r\n ${HOST}\r\n`,
    "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a tab before the colon": `${POST}Content-Length\t: 1\r\n\r\na`,
    "a field without a name": `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`,
    "a field without a colon": `GET / HTTP/1.1\r\n${HOST}X\r\n\r\n`,
    "no version": `GET /\r\n${HOST}\r\n`,
    "a version in small letters": `GET / http/1.1\r\n${HOST}\r\n`,
    "two spaces": `GET  / HTTP/1.1\r\n${HOST}\r\n`,
    "a space at the end": `GET / HTTP/1.1 \r\n${HOST}\r\n`,
    "a method that is none": `G(T / HTTP/1.1\r\n${HOST}\r\n`,
    "a target that is none": `GET x HTTP/1.1\r\n${HOST}\r\n`,
    "a target with a fragment": `GET /#x HTTP/1.1\r\n${HOST}\r\n`,
    "a target to tunnel to": `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`,
    "* with GET": `GET * HTTP/1.1\r\n${HOST}\r\n`,
    "a byte above ASCII in the target": `GET /\u00e9 HTTP/1.1\r\n${HOST}\r\n`,
    "a line of TLS": "\x16\x03\x01\x02\r\n\r\n",
  },
  413: {
    "a long body": `${POST}Content-Length: 1048577\r\n\r\n`,
    "a body longer than numbers count":
      `${POST}Content-Length: 99999999999999999999\r\n\r\n`,
    "a long chunk": `${BODY}100001\r\n`,
    "long chunks together": `${BODY}100000\r\n${"a".repeat(1 << 20)}\r\n1\r\n`,
  },
  414: { "a long target": `GET /${"a".repeat(9000)} HTTP/1.1\r\n` },
  417: { "another expectation": `${POST}Expect: a miracle\r\n\r\n` },
  431: {
    "a long field": `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(17000)}`,
    "a head of 1 MiB": `GET / HTTP/1.1\r\n${HOST}X: ${
      "a".repeat(1 << 20)
    }\r\n\r\n`,
    "many fields": `GET / HTTP/1.1\r\n${HOST}${"X: a\r\n".repeat(100)}\r\n`,
    "long trailers": `${BODY}0\r\n${"X: a\r\n".repeat(4000)}\r\n`,
  },
  501: {
    "another coding": `${POST}Transfer-Encoding: gzip\r\n\r\n`,
    "a coding in front of chunked":
      `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    "chunked in a list": `${POST}Transfer-Encoding: chunked,\r\n\r\n`,
    "what only looks like chunked":
      `${POST}Transfer-Encoding: chunked\x0b\r\n\r\n`.replace("\x0b", "x"),
    "an empty coding": `${POST}Transfer-Encoding:\r\n\r\n`,
  },
  505: { "HTTP/2.0": `GET / HTTP/2.0\r\n${HOST}\r\n` },
};

describe("examples/http.ts refuses", () => {
  cleanUpAfterEach();

  for (const [status, requests] of Object.entries(REFUSED)) {
    for (const [what, request] of Object.entries(requests)) {
      it(`${what}: ${status}`, async () => {
        // What follows must not be taken for a request.
        const answers = await exchange(
          start(),
          latin1(`${request}${LAST_GET}`),
        );
        assertEquals(statuses(answers), [Number(status)]);
        assertMatch(answers, /\r\nConnection: close\r\n/);
      });
    }
  }

  it("a request behind others, which are answered", async () => {
    const answers = await exchange(
      start(),
      `GET /a HTTP/1.1\r\n${HOST}\r\nGET /b HTTP/1.1\r\n\r\n${LAST_GET}`,
    );
    assertEquals(statuses(answers), [200, 400]);
  });

  it("nothing on account of what a handler throws: 500, and goes on", async () => {
    const { error } = console;
    console.error = () => {};
    try {
      const server = start({
        handler: ({ path }) => {
          if (path === "/bad") throw new Error("bad");
          return new HttpResponse(200, path);
        },
      });
      const answers = await exchange(
        server,
        `GET /bad HTTP/1.1\r\n${HOST}\r\n${LAST_GET}`,
      );
      assertEquals(statuses(answers), [500, 200]);
    } finally {
      console.error = error;
    }
  });

  it("a body at once, and lets the client finish what it says", async () => {
    const client = new Client(start());
    await client.send(`${POST}Content-Length: 4000000\r\n\r\n`);
    // Were the connection closed with bytes in it, these would be answered by a reset, which destroys the 413.
    await client.send(new Uint8Array(4_000_000));
    assertEquals(statuses(await client.receiveAll()), [413]);
    client.end();
  });

  it("what is not said yet as late as that is known", async () => {
    const client = new Client(start());
    await client.send("GET / HTTP/1.1\r\nHost : a\r\n"); // no end of the head
    assert((await client.receiveAll()).startsWith("HTTP/1.1 400 "));
  });
});

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
