/** Requests out of bytes, in whatever pieces they come (RFC 9112). */
import { areAll, CR, hexDigit, LF, SEMICOLON, VALUE } from "./bytes.ts";
import { HttpRequest, isField } from "./request.ts";

/** What {@linkcode RequestParser.parse} says, if it is not the status of a refusal: 400 or above. */
export const INCOMPLETE = 0;
export const COMPLETE = 1;

const REQUEST_LINE = 0;
const FIELDS = 1;
const BODY = 2;
const CHUNK_SIZE = 3;
const CHUNK_DATA = 4;
const CHUNK_END = 5;
const TRAILERS = 6;

const MAX_CHUNK_DIGITS = 8;
const MAX_CHUNK_LINE = 256;

/** Bytes to parse: those from `start` to before `end`. */
export interface Window {
  readonly bytes: Uint8Array;
  /** Where the request begins. The parser moves it behind one that was answered. */
  start: number;
  /** Where the bytes end. The parser moves it where it joins chunks. */
  end: number;
}

/** How much of a request is taken, in bytes. */
export interface Limits {
  /** Of the first line; a longer one is 414. */
  readonly requestLine: number;
  /** Of the head, the first line included, and of the trailers apart; more is 431. */
  readonly head: number;
  /** Of the body, decoded; more is 413. */
  readonly body: number;
}

/**
 * Reads one request after the other.
 *
 * It works line by line, and looks at a line only when all of it is there: so pieces make no difference. A request stays
 * in one piece of memory, its chunks joined where they lie, until it has been answered.
 *
 * What could be read in two ways is refused, since a proxy before us may have read it in the other: a bare LF or CR, a
 * space before a colon, a folded line, two lengths, a coding other than chunked.
 */
export class RequestParser {
  /** The request that {@linkcode parse} has found to be complete. */
  readonly request: HttpRequest = new HttpRequest();
  readonly #limits: Limits;
  #phase = REQUEST_LINE;
  /** How far the request was read, from its first byte; and how far no line's end was found. */
  #at = 0;
  #scanned = 0;
  /** How many bytes the head may still have, or the trailers. */
  #headLeft: number;
  /** How many bytes the chunk still has, and where the body's next byte goes. */
  #chunkLeft = 0;
  #bodyStart = 0;
  #bodyEnd = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#headLeft = limits.head;
  }

  /** Whether the client waits for a word before it sends the body. */
  get awaitsContinue(): boolean {
    return this.request.expectsContinue && this.#phase > FIELDS &&
      this.#at === this.#bodyStart;
  }

  /** Goes on to the next request, behind the one that was complete. */
  next(input: Window): void {
    input.start += this.#at;
    this.request.reset();
    this.#phase = REQUEST_LINE;
    this.#at = this.#scanned = 0;
    this.#headLeft = this.#limits.head;
  }

  /** Reads on. Says whether the request is complete, or which status refuses it. */
  parse(input: Window): number {
    this.request.lieIn(input.bytes, input.start);
    for (;;) {
      const verdict = this.#phase === BODY
        ? this.#readBody(input)
        : this.#phase === CHUNK_DATA
        ? this.#readChunk(input)
        : this.#readLine(input);
      if (verdict === GO_ON) continue;
      if (verdict === INCOMPLETE && this.#phase > BODY) this.#closeGap(input);
      return verdict;
    }
  }

  #readLine(input: Window): number {
    const { bytes } = input;
    const start = input.start + this.#at;
    const limit = start + this.#lineLimit();
    const end = Math.min(input.end, limit);
    let at = input.start + Math.max(this.#at, this.#scanned);
    while (at < end && bytes[at] !== LF) at++;
    if (at === end) {
      this.#scanned = at - input.start;
      return at === limit ? this.#refusal() : INCOMPLETE;
    }
    if (at === start || bytes[at - 1] !== CR) return 400;
    this.#at = at + 1 - input.start;
    return this.#takeLine(input, start, at - 1);
  }

  /** How long the line may be, its end included. */
  #lineLimit(): number {
    switch (this.#phase) {
      case REQUEST_LINE:
        return this.#limits.requestLine;
      case CHUNK_SIZE:
        return MAX_CHUNK_LINE;
      case CHUNK_END:
        return 2;
      default:
        return Math.max(0, this.#headLeft);
    }
  }

  /** The status for a line that is longer. */
  #refusal(): number {
    switch (this.#phase) {
      case REQUEST_LINE:
        return 414;
      case CHUNK_SIZE:
      case CHUNK_END:
        return 400;
      default:
        return 431;
    }
  }

  #takeLine(input: Window, start: number, end: number): number {
    switch (this.#phase) {
      case REQUEST_LINE:
        if (start === end) return this.#skipEmptyLine(input);
        this.#headLeft -= this.#at;
        this.#phase = FIELDS;
        return this.request.readRequestLine(end) || GO_ON;
      case FIELDS:
        this.#headLeft -= end + 2 - start;
        return start === end
          ? this.#endHead()
          : this.request.readField(start, end) || GO_ON;
      case CHUNK_SIZE:
        return this.#startChunk(input.bytes, start, end);
      case CHUNK_END:
        // A line of two bytes that ends well is empty.
        this.#phase = CHUNK_SIZE;
        return GO_ON;
      default:
        this.#headLeft -= end + 2 - start;
        if (start === end) return this.#complete(this.#bodyEnd);
        return isField(input.bytes, start, end) ? GO_ON : 400;
    }
  }

  /** RFC 9112, 2.2: some clients send one behind a body. */
  #skipEmptyLine(input: Window): number {
    input.start += this.#at;
    this.#at = this.#scanned = 0;
    this.request.lieIn(input.bytes, input.start);
    return GO_ON;
  }

  #endHead(): number {
    const { request } = this;
    const refusal = request.checkHead();
    if (refusal !== 0) return refusal;
    if (request.contentLength > this.#limits.body) return 413;
    this.#bodyStart = this.#bodyEnd = this.#at;
    if (request.isChunked) {
      this.#headLeft = this.#limits.head;
      this.#phase = CHUNK_SIZE;
      return GO_ON;
    }
    if (request.contentLength <= 0) return this.#complete(this.#at);
    this.#phase = BODY;
    return GO_ON;
  }

  #readBody(input: Window): number {
    const end = this.#bodyStart + this.request.contentLength;
    // How much of it is there shows in awaitsContinue.
    this.#at = Math.min(input.end - input.start, end);
    return this.#at === end ? this.#complete(end) : INCOMPLETE;
  }

  #startChunk(bytes: Uint8Array, start: number, end: number): number {
    let size = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = hexDigit(bytes[at]);
      if (digit === -1) break;
      size = size * 16 + digit;
    }
    if (at === start || at - start > MAX_CHUNK_DIGITS) return 400;
    // What may follow is an extension, and nobody knows any.
    if (at < end && bytes[at] !== SEMICOLON) return 400;
    if (!areAll(VALUE, bytes, at, end)) return 400;
    if (size === 0) {
      this.#phase = TRAILERS;
      return GO_ON;
    }
    const length = this.#bodyEnd - this.#bodyStart;
    if (size > this.#limits.body - length) return 413;
    this.#chunkLeft = size;
    this.#phase = CHUNK_DATA;
    return GO_ON;
  }

  /** Joins what is there of a chunk to the body. */
  #readChunk(input: Window): number {
    const start = input.start + this.#at;
    const count = Math.min(this.#chunkLeft, input.end - start);
    const target = input.start + this.#bodyEnd;
    input.bytes.copyWithin(target, start, start + count);
    this.#at += count;
    this.#bodyEnd += count;
    this.#chunkLeft -= count;
    if (this.#chunkLeft > 0) return INCOMPLETE;
    this.#phase = CHUNK_END;
    return GO_ON;
  }

  /** Moves what is not read yet up to the body, so that many small chunks take no more memory than their bytes. */
  #closeGap(input: Window): void {
    const gap = this.#at - this.#bodyEnd;
    if (gap <= 0) return;
    const start = input.start + this.#at;
    input.bytes.copyWithin(start - gap, start, input.end);
    input.end -= gap;
    this.#at -= gap;
    this.#scanned = Math.max(this.#at, this.#scanned - gap);
  }

  #complete(bodyEnd: number): number {
    this.request.setBody(this.#bodyStart, bodyEnd);
    return COMPLETE;
  }
}

/** The request is neither complete nor refused, and there may be more of it. */
const GO_ON = -1;
