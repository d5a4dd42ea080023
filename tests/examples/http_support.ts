/** What the tests of the HTTP server share: servers that end after each test, and clients on queues of their own. */
import { afterEach } from "@std/testing/bdd";
import type { HttpRequest } from "../../examples/http/request.ts";
import { HttpResponse } from "../../examples/http/response.ts";
import {
  serve,
  type ServeOptions,
  type Server,
} from "../../examples/http/server.ts";
import {
  EV_DELETE,
  type KeventInit,
  kevRead,
  kevWrite,
  Kqueue,
} from "../../mod.ts";
import {
  close,
  connect,
  getpid,
  recv,
  send,
  setLinger,
  shutdown,
} from "../../posix.ts";

// The libraries stay open for good: opened here, they are no leak of the test that comes first.
getpid();
using kq = new Kqueue();
await kq.waitAsync({ timeoutMs: 1 });

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** What a request needs besides its first line. */
export const HOST = "Host: example.org\r\n";
export const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
export const LAST_GET = `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

const servers = new Set<Server>();
const clients = new Set<Client>();

/** Answers with what the request was. */
export function describeRequest(
  request: HttpRequest,
): HttpResponse {
  const { method, target, body } = request;
  return new HttpResponse(200, `${method} ${target} ${decoder.decode(body)}`);
}

/** Starts a server, which ends after the test. */
export function start(options: Partial<ServeOptions> = {}): Server {
  const server = serve({ handler: describeRequest, ...options });
  servers.add(server);
  return server;
}

/** Ends servers and clients; to be called in each `describe`. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const client of clients) client.close();
    await Promise.all([...servers].map((server) => server.close()));
    servers.clear();
  });
}

/** A client that leaves the event loop to the server whenever it would have to wait. */
export class Client {
  readonly fd: number;
  /** One for each direction: it may wait for both. */
  readonly #reads = new Kqueue();
  readonly #writes = new Kqueue();
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor({ port }: { readonly port: number }) {
    this.fd = connect({ port });
    clients.add(this);
  }

  /** Sends everything. */
  async send(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? encoder.encode(data) : data;
    while (rest.length > 0) {
      const sent = send(this.fd, rest);
      if (sent === null) await wait(this.#writes, kevWrite(this.fd));
      rest = rest.subarray(sent ?? 0);
    }
  }

  /** Says that nothing more is sent. */
  end(): void {
    shutdown(this.fd, "write");
  }

  /** Receives some bytes, as text; "" at the end. */
  async receiveSome(): Promise<string> {
    for (;;) {
      const count = recv(this.fd, this.#buffer);
      if (count !== null) {
        return decoder.decode(this.#buffer.subarray(0, count));
      }
      await wait(this.#reads, kevRead(this.fd));
    }
  }

  /** Receives until a text is there. */
  async receiveUntil(text: string): Promise<string> {
    let received = "";
    while (!received.includes(text)) {
      const some = await this.receiveSome();
      if (some === "") throw new Error(`The end came after ${received}`);
      received += some;
    }
    return received;
  }

  /** Receives everything up to the end. */
  async receiveAll(): Promise<string> {
    let received = "";
    for (;;) {
      const some = await this.receiveSome();
      if (some === "") return received;
      received += some;
    }
  }

  /** Closes the connection so that the other side gets ECONNRESET. */
  reset(): void {
    setLinger(this.fd, 0);
    this.close();
  }

  close(): void {
    if (!clients.delete(this)) return;
    this.#reads.close();
    this.#writes.close();
    close(this.fd);
  }
}

async function wait(kq: Kqueue, change: KeventInit): Promise<void> {
  kq.apply(change);
  await kq.waitAsync();
  kq.apply({ ...change, flags: EV_DELETE });
}

/** Sends bytes on a new connection, and gives back all that comes until the server closes it. */
export async function exchange(
  server: { readonly port: number },
  data: string | Uint8Array,
): Promise<string> {
  const client = new Client(server);
  await client.send(data);
  const received = await client.receiveAll();
  client.close();
  return received;
}

/** The statuses of the answers in a text. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status));
}

/** The bodies of answers that have a length each. */
export function bodies(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const start = text.indexOf("\r\n\r\n", at) + 4;
    const length = /content-length: (\d+)/i.exec(text.slice(at, start))?.[1];
    at = start + Number(length ?? 0);
    found.push(text.slice(start, at));
  }
  return found;
}
