/** Cases for the fuzz of the HTTP example: requests, most of them damaged, and what is none at all. */

/** One case. */
export interface Case {
  readonly bytes: Uint8Array;
  /** The same, cut up. */
  readonly pieces: readonly Uint8Array[];
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"];
const TARGETS = ["/", "/a/b?c=d", "/%20", "http://a.b/c", "*", "/a#b", "x"];
const FIELDS = [
  "Accept: */*",
  "User-Agent:x",
  "X-Long: " + "y".repeat(60),
  "Cookie:\ta=b ",
  "Connection: keep-alive",
  "Connection: close, x",
  "Expect: 100-continue",
  "Host: b",
  "Content-Length: 3",
  "Content-Length: 03",
  "Content-Length: 3, 3",
  "Content-Length: +3",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: identity",
  "TRANSFER-ENCODING: Chunked",
  "Transfer-Encoding : chunked",
  " folded",
  "Empty:",
];
/** What is put in at random places. */
const SCRAPS = [
  ...["\r", "\n", "\r\n", "\0", " ", "\t", ":", ";", ",", "0", "f", "-", "+"],
  ...["\x0b", "\x7f", "\x80", "\xff", "chunked", "HTTP/1.1", "GET", "\r\n\r\n"],
];

/** Cases without end, the same for the same seed. */
export function* cases(seed: number): Generator<Case, never> {
  const random = new Random(seed);
  for (;;) {
    const bytes = latin1(text(random));
    yield { bytes, pieces: cut(bytes, random) };
  }
}

function text(random: Random): string {
  if (random.below(20) === 0) return noise(random);
  let text = "";
  for (let left = 1 + random.below(3); left > 0; left--) {
    text += request(random);
  }
  for (let left = random.below(4); left > 0; left--) {
    text = damage(text, random);
  }
  return text;
}

function request(random: Random): string {
  const version = random.below(8) === 0 ? "1.0" : "1.1";
  const target = random.below(4) === 0 ? random.of(TARGETS) : "/";
  const fields = ["Host: a"];
  for (let left = random.below(3); left > 0; left--) {
    fields.push(random.of(FIELDS));
  }
  let body = "";
  switch (random.below(4)) {
    case 0:
      body = "x".repeat(random.below(20));
      fields.push(`Content-Length: ${body.length}`);
      break;
    case 1:
      body = chunks(random);
      fields.push("Transfer-Encoding: chunked");
      break;
  }
  if (random.below(4) === 0) fields.reverse();
  const method = random.of(METHODS);
  return `${method} ${target} HTTP/${version}\r\n${
    fields.map((field) => `${field}\r\n`).join("")
  }\r\n${body}`;
}

function chunks(random: Random): string {
  let text = "";
  for (let left = random.below(3); left > 0; left--) {
    const size = 1 + random.below(20);
    const extension = random.below(8) === 0 ? ";a=b" : "";
    text += `${size.toString(16)}${extension}\r\n${"y".repeat(size)}\r\n`;
  }
  return `${text}0\r\n${random.below(8) === 0 ? "T: u\r\n" : ""}\r\n`;
}

function damage(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + 1 + random.below(3));
  switch (random.below(6)) {
    case 0: // leaves something out
      return text.slice(0, at) + text.slice(to);
    case 1: // puts something in
    case 2:
      return text.slice(0, at) + random.of(SCRAPS) + text.slice(at);
    case 3: // puts something in its place
      return text.slice(0, at) + random.of(SCRAPS) + text.slice(to);
    case 4: // says a line twice
      return twice(text, random);
    default: // ends early
      return random.below(4) === 0 ? text.slice(0, at) : text;
  }
}

function twice(text: string, random: Random): string {
  const lines = text.split("\r\n");
  const index = random.below(lines.length);
  lines.splice(index, 0, lines[index]);
  return lines.join("\r\n");
}

function noise(random: Random): string {
  return Array.from(
    { length: 1 + random.below(60) },
    () =>
      random.below(3) === 0
        ? random.of(SCRAPS)
        : String.fromCharCode(random.below(256)),
  ).join("");
}

function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const longest = random.of([1, 3, 20, 1000]);
  const pieces = [];
  for (let at = 0; at < bytes.length;) {
    const to = at + 1 + random.below(longest);
    pieces.push(bytes.subarray(at, to));
    at = to;
  }
  return pieces;
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Random numbers that are the same in every run (Marsaglia's xorshift32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2654435761 >>> 0 || 1;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
}
