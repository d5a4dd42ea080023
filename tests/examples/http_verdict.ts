/** What the HTTP example's parser says of bytes, without a connection. */
import {
  COMPLETE,
  INCOMPLETE,
  RequestParser,
} from "../../examples/http/parser.ts";

const LIMITS = { requestLine: 8192, head: 16384, body: 1 << 20 };
const decoder = new TextDecoder("latin1");

/** What came of some bytes. */
export interface Verdict {
  /** The requests in them: method, target and body. */
  readonly requests: string[];
  /** The status that refused what followed, or 0. */
  readonly status: number;
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
  for (const piece of pieces) {
    append(input, piece);
    while (status === 0 && input.start < input.end) {
      const verdict = parser.parse(input);
      if (verdict === INCOMPLETE) break;
      if (verdict !== COMPLETE) {
        status = verdict;
      } else {
        const { method, target, body } = parser.request;
        requests.push(`${method} ${target} ${decoder.decode(body)}`);
        parser.next(input);
      }
    }
    largest = Math.max(largest, input.end - input.start);
  }
  const isIdle = input.start === input.end;
  return measures
    ? { requests, status, isIdle, largest }
    : { requests, status, isIdle };
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
