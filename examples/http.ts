/**
 * An HTTP/1.1 server: any number of connections on one queue, in one thread.
 *
 * ```sh
 * deno run --allow-ffi examples/http.ts [PORT]
 * ```
 *
 * It listens on 127.0.0.1, port 8080 unless given. SIGINT ends it when what was asked is answered, a second one at once.
 * Try `curl -v http://127.0.0.1:8080/`, and `curl --data-binary @FILE http://127.0.0.1:8080/echo`.
 *
 * | File                 | What it has                                           |
 * | -------------------- | ----------------------------------------------------- |
 * | `http.ts`            | the program: what it answers                          |
 * | `http/server.ts`     | the server: the queue, accepting, the clock, the end  |
 * | `http/connection.ts` | one connection, and what it waits for                 |
 * | `http/reader.ts`     | what a connection has while a request is under way    |
 * | `http/input.ts`      | what was received and is not used yet                 |
 * | `http/parser.ts`     | requests out of bytes, line by line, and their bodies |
 * | `http/request.ts`    | what a request's head says, and what refuses it       |
 * | `http/response.ts`   | answers as bytes                                      |
 * | `http/output.ts`     | what is to be sent                                    |
 * | `http/bytes.ts`      | which bytes may stand where                           |
 *
 * @module
 */
import type { HttpRequest } from "./http/request.ts";
import { HttpResponse, refusal } from "./http/response.ts";
import { serve } from "./http/server.ts";

const TEXT = { "Content-Type": "text/plain" };
const BYTES = { "Content-Type": "application/octet-stream" };
const HELLO = new HttpResponse(200, "Hello, World!", TEXT);
const NOT_FOUND = refusal(404);

/** What the program answers: "/" greets, and "/echo" gives back what was sent to it. */
export function hello(request: HttpRequest): HttpResponse {
  const { method, path } = request;
  switch (path) {
    case "/":
      return method === "GET" || method === "HEAD"
        ? HELLO
        : notAllowed("GET, HEAD");
    case "/echo":
      return method === "POST" || method === "PUT"
        ? new HttpResponse(200, request.body.slice(), BYTES)
        : notAllowed("POST, PUT");
    default:
      return NOT_FOUND;
  }
}

function notAllowed(allowed: string): HttpResponse {
  return new HttpResponse(405, "405 Method Not Allowed\n", {
    "Allow": allowed,
    ...TEXT,
  });
}

if (import.meta.main) {
  const server = serve({
    port: Number(Deno.args[0] ?? 8080),
    handler: hello,
    signals: ["SIGINT", "SIGTERM"],
    blockMs: 20,
  });
  console.log(`Listening on http://${server.address}:${server.port}/`);
  await server.finished;
}
