/** Answers as bytes. */
import { encode } from "./bytes.ts";

/** What an answer says of the connection. */
export const KEEPS_OPEN = 0;
export const CLOSES = 1;
/** To a client of HTTP/1.0, which expects the end unless told otherwise. */
export const KEEPS_OPEN_1_0 = 2;

const CONNECTION_FIELDS = [
  "",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
];

/** The word for a client that waits for one before it sends a body. */
export const CONTINUE: Uint8Array = encode("HTTP/1.1 100 Continue\r\n\r\n");

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What the server says itself. */
const OWN_FIELDS = ["connection", "content-length", "date"];

/** The time of the answers' Date fields, which say it in whole seconds. */
export class DateClock {
  text = "";
  #second = -1;

  /** Looks at the time: once for all that happens in a turn. */
  look(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.text = new Date(now).toUTCString();
  }
}

/**
 * An answer. One that is always the same is best made once and returned each time, since then its bytes are made anew
 * no more than once a second.
 */
export class HttpResponse {
  readonly status: number;
  readonly body: Uint8Array;
  readonly #fields: string;
  /** By what they say of the connection. */
  readonly #heads: Uint8Array[] = [];
  #date = "";

  /**
   * @param status The status, 200 to 599.
   * @param body Text, or bytes that nobody changes afterwards.
   * @param headers Fields besides Connection, Content-Length and Date, which come by themselves.
   * @throws {RangeError} for a status that is none.
   * @throws {TypeError} for a field that could not be sent as one.
   */
  constructor(
    status: number,
    body: string | Uint8Array = "",
    headers: Readonly<Record<string, string>> = {},
  ) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(
        `status must be an integer from 200 to 599, got ${status}`,
      );
    }
    this.status = status;
    this.body = typeof body === "string" ? encode(body) : body;
    const hasBody = status !== 204 && status !== 304;
    if (!hasBody && this.body.length > 0) {
      throw new TypeError(`An answer of status ${status} has no body`);
    }
    this.#fields = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n` +
      Object.entries(headers).map(fieldLine).join("") +
      (hasBody ? `Content-Length: ${this.body.length}\r\n` : "");
  }

  /** The head's bytes, the empty line included. */
  head(connection: number, { text }: DateClock): Uint8Array {
    if (text !== this.#date) {
      this.#date = text;
      this.#heads.length = 0;
    }
    return this.#heads[connection] ??= latin1(
      `${this.#fields}Date: ${text}\r\n${CONNECTION_FIELDS[connection]}\r\n`,
    );
  }
}

function fieldLine([name, value]: [string, string]): string {
  if (!FIELD_NAME.test(name) || OWN_FIELDS.includes(name.toLowerCase())) {
    throw new TypeError(
      `headers must have names of fields that may be set, got "${name}"`,
    );
  }
  if (!FIELD_VALUE.test(value)) {
    throw new TypeError(
      `header ${name} must be a line of ISO 8859-1, got ${
        JSON.stringify(value)
      }`,
    );
  }
  return `${name}: ${value}\r\n`;
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** What refuses a request, in words. */
export function refusal(status: number): HttpResponse {
  return new HttpResponse(status, `${status} ${REASONS[status] ?? ""}\n`, {
    "Content-Type": "text/plain",
  });
}
