/** What a request says in its head, read from its bytes where they are. */
import {
  areAll,
  COLON,
  decode,
  encode,
  equals,
  equalsName,
  HOST,
  HTAB,
  SLASH,
  SP,
  TARGET,
  TOKEN,
  VALUE,
} from "./bytes.ts";

/** More fields than this are refused. */
const MAX_FIELDS = 100;
/** More digits are more than any limit. */
const MAX_LENGTH_DIGITS = 15;

const VERSION = encode("HTTP/1.");
const ANY_VERSION = /^HTTP\/\d\.\d$/;
/** Of a target that is a URL: what is in front of its path. */
const ORIGIN = /^http:\/\/[^/]*/i;
const SCHEME = encode("http://");
const ASTERISK = encode("*");
const OPTIONS = encode("OPTIONS");
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
  .map((name) => ({ name, bytes: encode(name) }));

const HOST_NAME = encode("host");
const CONNECTION = encode("connection");
const CONTENT_LENGTH = encode("content-length");
const TRANSFER_ENCODING = encode("transfer-encoding");
const EXPECT = encode("expect");

const CLOSE = encode("close");
const KEEP_ALIVE = encode("keep-alive");
const CHUNKED = encode("chunked");
const CONTINUE = encode("100-continue");

/**
 * A request, as a handler gets it: for as long as the handler runs, since it lies where the next one will come in.
 *
 * All positions count from the request's first byte, so that the bytes can be moved while the rest of it comes in.
 */
export class HttpRequest {
  #bytes: Uint8Array = new Uint8Array();
  #start = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #bodyStart = 0;
  #bodyEnd = 0;
  /** Four positions a field: where its name and its value start and end. */
  readonly #fields: number[] = [];
  #fieldCount = 0;
  #hosts = 0;
  #asksToClose = false;
  #asksToStay = false;

  /** 1 of HTTP/1.1, 0 of HTTP/1.0. */
  minorVersion = 1;
  /** The body's length in bytes, -1 where nothing says it. */
  contentLength = -1;
  /** Whether the body comes in chunks. */
  isChunked = false;
  /** Whether the client waits to be told to go on before it sends the body. */
  expectsContinue = false;

  /** "GET", "POST" or what else it is. */
  get method(): string {
    const start = this.#start;
    const end = start + this.#methodEnd;
    for (const { name, bytes } of METHODS) {
      if (equals(this.#bytes, start, end, bytes)) return name;
    }
    return decode(this.#bytes, start, end);
  }

  /** What is asked for, as it was sent: "/path?query", seldom "http://host/path" or "*". */
  get target(): string {
    const start = this.#start + this.#methodEnd + 1;
    return decode(this.#bytes, start, this.#start + this.#targetEnd);
  }

  /** The target's path, without its query, as it was sent: nothing in it is decoded. */
  get path(): string {
    const { target } = this;
    const query = target.indexOf("?");
    const path = query === -1 ? target : target.slice(0, query);
    return path.startsWith("/") ? path : path.replace(ORIGIN, "") || "/";
  }

  /** A field's value, or undefined. Several of one name are one, with commas between. */
  header(name: string): string | undefined {
    const wanted = encode(name.toLowerCase());
    const values: string[] = [];
    for (let at = 0; at < this.#fieldCount * 4; at += 4) {
      const [nameStart, nameEnd, valueStart, valueEnd] = this.#fields
        .slice(at, at + 4).map((position) => this.#start + position);
      if (equalsName(this.#bytes, nameStart, nameEnd, wanted)) {
        values.push(decode(this.#bytes, valueStart, valueEnd));
      }
    }
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The body, decoded where it came in chunks. To keep it, make a copy. */
  get body(): Uint8Array {
    return this.#bytes.subarray(
      this.#start + this.#bodyStart,
      this.#start + this.#bodyEnd,
    );
  }

  /** Whether the connection may stay open after the answer. */
  get keepsAlive(): boolean {
    return !this.#asksToClose && (this.minorVersion === 1 || this.#asksToStay);
  }

  /** For the parser: forgets the request before. */
  reset(): void {
    this.#fieldCount = this.#hosts = 0;
    this.#bodyStart = this.#bodyEnd = 0;
    this.#asksToClose = this.#asksToStay = false;
    this.minorVersion = 1;
    this.contentLength = -1;
    this.isChunked = this.expectsContinue = false;
  }

  /** For the parser: says where the bytes are. */
  lieIn(bytes: Uint8Array, start: number): void {
    this.#bytes = bytes;
    this.#start = start;
  }

  /** For the parser: says where the body is, counted from the request's first byte. */
  setBody(start: number, end: number): void {
    this.#bodyStart = start;
    this.#bodyEnd = end;
  }

  /** For the parser: reads the first line, up to `end`. Returns the status that refuses it, or 0. */
  readRequestLine(end: number): number {
    const bytes = this.#bytes;
    const start = this.#start;
    let at = start;
    while (at < end && bytes[at] !== SP) at++;
    this.#methodEnd = at - start;
    const targetStart = at + 1;
    for (at = targetStart; at < end && bytes[at] !== SP;) at++;
    this.#targetEnd = at - start;
    if (
      targetStart === start + 1 || !areAll(TOKEN, bytes, start, targetStart - 1)
    ) return 400;
    return this.#readVersion(at + 1, end) || this.#checkTarget(targetStart, at);
  }

  #readVersion(start: number, end: number): number {
    const bytes = this.#bytes;
    this.minorVersion = bytes[end - 1] - 0x30;
    const isOurs = this.minorVersion === 0 || this.minorVersion === 1;
    if (isOurs && equals(bytes, start, end - 1, VERSION)) return 0;
    return ANY_VERSION.test(decode(bytes, start, end)) ? 505 : 400;
  }

  /** RFC 9112, 3.2: a path; a URL, as to a proxy; or the asterisk of OPTIONS. */
  #checkTarget(start: number, end: number): number {
    const bytes = this.#bytes;
    if (!areAll(TARGET, bytes, start, end)) return 400;
    if (bytes[start] === SLASH) return 0;
    if (equals(bytes, start, end, ASTERISK)) {
      return equals(bytes, this.#start, start - 1, OPTIONS) ? 0 : 400;
    }
    const hostStart = start + SCHEME.length;
    const isUrl = hostStart < end && bytes[hostStart] !== SLASH &&
      equalsName(bytes, start, hostStart, SCHEME);
    return isUrl ? 0 : 400;
  }

  /** For the parser: reads a field's line. Returns the status that refuses it, or 0. */
  readField(start: number, end: number): number {
    const bytes = this.#bytes;
    // A line that begins with a space would go on with the field before (obs-fold): no name does.
    const nameEnd = endOfName(bytes, start, end);
    if (nameEnd === -1) return 400;
    let valueStart = nameEnd + 1;
    let valueEnd = end;
    while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart++;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--;
    if (!areAll(VALUE, bytes, valueStart, valueEnd)) return 400;
    if (this.#fieldCount === MAX_FIELDS) return 431;
    const at = this.#fieldCount++ * 4;
    this.#fields[at] = start - this.#start;
    this.#fields[at + 1] = nameEnd - this.#start;
    this.#fields[at + 2] = valueStart - this.#start;
    this.#fields[at + 3] = valueEnd - this.#start;
    return this.#heed(start, nameEnd, valueStart, valueEnd);
  }

  /** Takes what a field says of the request itself. */
  #heed(name: number, nameEnd: number, start: number, end: number): number {
    const bytes = this.#bytes;
    switch (nameEnd - name) {
      case HOST_NAME.length:
        if (!equalsName(bytes, name, nameEnd, HOST_NAME)) return 0;
        return ++this.#hosts === 1 && areAll(HOST, bytes, start, end) ? 0 : 400;
      case EXPECT.length:
        if (!equalsName(bytes, name, nameEnd, EXPECT)) return 0;
        this.expectsContinue = equalsName(bytes, start, end, CONTINUE);
        return this.expectsContinue ? 0 : 417;
      case CONNECTION.length:
        if (equalsName(bytes, name, nameEnd, CONNECTION)) {
          this.#readConnection(start, end);
        }
        return 0;
      case CONTENT_LENGTH.length:
        if (!equalsName(bytes, name, nameEnd, CONTENT_LENGTH)) return 0;
        return this.#readLength(start, end);
      case TRANSFER_ENCODING.length:
        if (!equalsName(bytes, name, nameEnd, TRANSFER_ENCODING)) return 0;
        if (this.isChunked) return 400;
        this.isChunked = equalsName(bytes, start, end, CHUNKED);
        return this.isChunked ? 0 : 501;
      default:
        return 0;
    }
  }

  /** A second length is refused even where both are the same, and so is a list of them. */
  #readLength(start: number, end: number): number {
    if (this.contentLength !== -1 || start === end) return 400;
    let length = 0;
    for (let at = start; at < end; at++) {
      const digit = this.#bytes[at] - 0x30;
      if (digit < 0 || digit > 9) return 400;
      length = length * 10 + digit;
    }
    if (end - start > MAX_LENGTH_DIGITS) return 413;
    this.contentLength = length;
    return 0;
  }

  #readConnection(start: number, end: number): void {
    const bytes = this.#bytes;
    for (let at = start; at < end;) {
      let next = at;
      while (next < end && bytes[next] !== 0x2c) next++;
      let last = next;
      while (at < last && isBlank(bytes[at])) at++;
      while (last > at && isBlank(bytes[last - 1])) last--;
      if (equalsName(bytes, at, last, CLOSE)) this.#asksToClose = true;
      else if (equalsName(bytes, at, last, KEEP_ALIVE)) this.#asksToStay = true;
      at = next + 1;
    }
  }

  /** For the parser: looks at the head as a whole. Returns the status that refuses it, or 0. */
  checkHead(): number {
    if (this.#hosts === 0 && this.minorVersion === 1) return 400;
    if (!this.isChunked) return 0;
    // Two lengths: whoever is before us may have believed the other one.
    if (this.contentLength !== -1 || this.minorVersion === 0) return 400;
    return 0;
  }
}

/** For trailers too: whether a line is a field's. */
export function isField(
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const nameEnd = endOfName(bytes, start, end);
  return nameEnd !== -1 && areAll(VALUE, bytes, nameEnd + 1, end);
}

/** Where the colon is that follows a field's name at once, or -1. */
function endOfName(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== COLON) at++;
  return at > start && at < end && areAll(TOKEN, bytes, start, at) ? at : -1;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}
