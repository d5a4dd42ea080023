/** Bytes as HTTP has them: which may stand where, and how they compare to text. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** What a byte may be part of (RFC 9110, 5.6.2, 5.5 and 7.2; RFC 3986). */
export const TOKEN = 1;
export const TARGET = 2;
export const VALUE = 4;
export const HOST = 8;

const MARKS = "-._~!$&'()*+,;=%";
const CLASSES = new Uint8Array(256);
allow(TOKEN, "!#$%&'*+-.^_`|~");
allow(TARGET, `${MARKS}:@/?`);
allow(HOST, `${MARKS}:[]`);
for (let byte = 0; byte < 256; byte++) {
  if (/[0-9A-Za-z]/.test(String.fromCharCode(byte))) {
    CLASSES[byte] |= TOKEN | TARGET | HOST;
  }
  if (byte === HTAB || byte >= SP && byte !== 0x7f) CLASSES[byte] |= VALUE;
}
// What no URL may have, but browsers send as it is.
allow(TARGET, '"<>[]\\^`{|}');

function allow(kind: number, characters: string): void {
  for (const byte of encode(characters)) CLASSES[byte] |= kind;
}

/** Text as bytes, in UTF-8. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Whether a byte is one of a kind. */
export function isA(kind: number, byte: number): boolean {
  return (CLASSES[byte] & kind) !== 0;
}

/** Whether all bytes from `start` to before `end` are of a kind. */
export function areAll(
  kind: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  for (let at = start; at < end; at++) {
    if ((CLASSES[bytes[at]] & kind) === 0) return false;
  }
  return true;
}

/** Whether the bytes are a text, given as bytes itself. */
export function equals(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: Uint8Array,
): boolean {
  if (end - start !== text.length) return false;
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text[at]) return false;
  }
  return true;
}

/** The same for a text of small letters and hyphens, where capital letters count as small ones. */
export function equalsName(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: Uint8Array,
): boolean {
  if (end - start !== text.length) return false;
  for (let at = 0; at < text.length; at++) {
    if (lowerCase(bytes[start + at]) !== text[at]) return false;
  }
  return true;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** Bytes as text, a character each (ISO 8859-1). */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/** The value of a hexadecimal digit, -1 for what is none. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = lowerCase(byte);
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
