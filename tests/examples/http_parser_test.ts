import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { verdictOf } from "./http_verdict.ts";

const BODY = "Transfer-Encoding: chunked\r\n\r\n";
const TEXTS = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\n\r\nGET /x?y HTTP/1.1\r\nHost: a\r\nAccept:\t*/* \r\n\r\nGET / HTTP/1.0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  `POST / HTTP/1.1\r\nHost: a\r\n${BODY}5\r\nhello\r\n00a;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`,
  `POST / HTTP/1.1\r\nHost: a\r\n${BODY}1\r\na\r\n1\r\nb\r\nx`,
  `POST / HTTP/1.1\r\nHost: a\r\n${BODY}1\r\nab\r\n0\r\n\r\n`,
  "GET / HTTP/1.1\r\nHost: a\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET http://b/c?d HTTP/1.1\r\nHost: a\r\n\r\n",
];

describe("RequestParser", () => {
  for (const text of TEXTS) {
    it(`says the same of ${JSON.stringify(text)}, in whatever pieces it comes`, () => {
      const bytes = new TextEncoder().encode(text);
      const whole = verdictOf([bytes]);
      assertEquals(verdictOf(Array.from(bytes, (byte) => [byte])), whole);
      for (let at = 1; at < bytes.length; at++) {
        assertEquals(
          verdictOf([bytes.subarray(0, at), bytes.subarray(at)]),
          whole,
          `cut at ${at}`,
        );
      }
      for (const size of [2, 3, 5, 7, 11]) {
        const pieces = [];
        for (let at = 0; at < bytes.length; at += size) {
          pieces.push(bytes.subarray(at, at + size));
        }
        assertEquals(verdictOf(pieces), whole, `pieces of ${size}`);
      }
    });
  }

  it("gives what the request says", () => {
    assertEquals(verdictOf([new TextEncoder().encode(TEXTS[3])]), {
      requests: ["POST / hello0123456789", "GET / "],
      status: 0,
      taken: TEXTS[3].length,
      isLast: false,
      isIdle: true,
    });
    assertEquals(verdictOf([new TextEncoder().encode(TEXTS[5])]), {
      requests: [],
      status: 400,
      taken: 0,
      isLast: false,
      isIdle: false,
    });
  });

  it("keeps no more of many small chunks than their bytes", () => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\n" + BODY;
    const chunk = new TextEncoder().encode(`1;${"x".repeat(200)}\r\na\r\n`);
    const pieces = [new TextEncoder().encode(head)];
    for (let i = 0; i < 1000; i++) pieces.push(chunk);
    const { largest } = verdictOf(pieces, { measures: true });
    assertEquals(largest !== undefined && largest <= 2048, true, `${largest}`);
  });
});
