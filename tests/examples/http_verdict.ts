/** What the HTTP example's parser says of bytes, without a connection. */
import { decode } from "../../examples/http/bytes.ts";
import {
  COMPLETE,
  INCOMPLETE,
  RequestParser,
} from "../../examples/http/parser.ts";

const LIMITS = { requestLine: 8192, head: 16384, body: 1 << 20 };

/** What came of some bytes. */
export interface Verdict {
  /** The requests in them: method, target and body. */
  readonly requests: string[];
  /** The status that refused what followed, or 0. */
  readonly status: number;
  /** How many bytes were in front of what was refused, or is not complete. */
  readonly taken: number;
  /** Whether the connection closes behind the last of them. */
  readonly isLast: boolean;
  /** Whether nothing of another request has come. */
  readonly isIdle: boolean;
  /** How many bytes were kept from one piece to the next at most, where that was asked for. */
  readonly largest?: number;
}

/** Parses bytes that come in pieces. As on a connection, nothing counts behind a refusal or the last request. */
export function verdictOf(
  pieces: Iterable<ArrayLike<number>>,
  { measures = false } = {},
): Verdict {
  const parser = new RequestParser(LIMITS);
  const input = { bytes: new Uint8Array(64), start: 0, end: 0 };
  const requests: string[] = [];
  let status = 0;
  let largest = 0;
  let received = 0;
  let taken = 0;
  let isLast = false;
  for (const piece of pieces) {
    append(input, piece);
    received += piece.length;
    while (status === 0 && !isLast && input.start < input.end) {
      const verdict = parser.parse(input);
      if (verdict === INCOMPLETE) break;
      if (verdict !== COMPLETE) {
        status = verdict;
      } else {
        const { method, target, body, keepsAlive } = parser.request;
        isLast = !keepsAlive;
        requests.push(`${method} ${target} ${decode(body, 0, body.length)}`);
        parser.next(input);
        taken = received - (input.end - input.start);
      }
    }
    largest = Math.max(largest, input.end - input.start);
  }
  const isIdle = input.start === input.end;
  return measures
    ? { requests, status, taken, isLast, isIdle, largest }
    : { requests, status, taken, isLast, isIdle };
}

function append(
  input: { bytes: Uint8Array; start: number; end: number },
  piece: ArrayLike<number>,
): void {
  const kept = input.bytes.subarray(input.start, input.end);
  const bytes = new Uint8Array(kept.length + piece.length);
  bytes.set(kept);
  bytes.set(piece, kept.length);
  input.bytes = bytes;
  input.start = 0;
  input.end = bytes.length;
}
