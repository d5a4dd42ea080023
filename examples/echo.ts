/**
 * A TCP echo server: any number of connections on one queue, in one thread.
 *
 * ```sh
 * deno run --allow-ffi examples/echo.ts [PORT]
 * ```
 *
 * It listens on 127.0.0.1, port 7777 unless given, until it is interrupted. `examples/clients.ts` puts it to the test,
 * and so does `nc 127.0.0.1 7777`.
 *
 * All watchers are levels: each is reported for as long as its condition holds, so nothing need be done twice in a row,
 * and what one turn leaves undone the next one finds. A connection waits for one thing at a time. Either it may be
 * read, or it has bytes that the other side did not take yet; then it may be written and is not read, so that a client
 * who sends and never receives is made to wait and costs one buffer at most.
 *
 * @module
 */
import {
  EV_ADD,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EVFILT_READ,
  EVFILT_TIMER,
  kevRead,
  kevTimer,
  kevWrite,
  Kqueue,
} from "../mod.ts";
import {
  accept,
  close,
  listen,
  type Listener,
  recv,
  send,
  setNoDelay,
  SystemError,
} from "../posix.ts";

/** The udata of the listening socket's watchers. Connections have the numbers from 1. */
const LISTENER = 0;
/**
 * How long to leave new connections waiting when there is no descriptor left for them. The one for which that shows is lost
 * on macOS, which closes what `accept` finds no descriptor for.
 */
const PAUSE_MS = 100;
const BUFFER_SIZE = 64 * 1024;

interface Connection {
  readonly fd: number;
  /** The udata of its watchers. */
  readonly id: number;
  /** What was received and could not be sent yet. */
  unsent: Uint8Array | null;
}

/** An echo server, which works while {@linkcode EchoServer.step} is called. */
export class EchoServer implements Disposable {
  /** What it has done so far. */
  readonly counts = {
    /** Connections that were accepted. */
    connections: 0,
    /** Connections that ended in an error, such as ECONNRESET. */
    failures: 0,
    /** Bytes that were sent back. */
    bytes: 0,
    /** How often the other side did not take all bytes at once. */
    partialWrites: 0,
    /** Calls that waited for events, and the events that they brought. */
    waits: 0,
    events: 0,
  };
  readonly #listener: Listener;
  readonly #kq = new Kqueue({ capacity: 1024 });
  readonly #connections = new Map<number, Connection>();
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #lastId = LISTENER;

  /** Listens on a port of 127.0.0.1; 0 is any that is free. */
  constructor(port: number) {
    this.#listener = listen({ port });
    this.#kq.apply([
      kevRead(this.#listener.fd, { udata: LISTENER }),
      // It is there from the start, since a queue's first timer may take a descriptor.
      kevTimer(LISTENER, PAUSE_MS, {
        flags: EV_ADD | EV_DISABLE | EV_DISPATCH,
        udata: LISTENER,
      }),
    ]);
  }

  /** The address that it listens on. */
  get address(): string {
    return this.#listener.address;
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** Waits until something can be done, or for so many milliseconds, and does it. */
  step(timeoutMs = Infinity): void {
    const events = this.#kq.wait(timeoutMs);
    this.counts.waits++;
    this.counts.events += events.length;
    for (let i = 0; i < events.length; i++) {
      const id = events.udataNumber(i);
      const filter = events.filter(i);
      if (id !== LISTENER) this.#serve(id, filter);
      else if (filter === EVFILT_TIMER) this.#resume();
      else this.#accept(events.dataNumber(i));
    }
  }

  /** Closes the listening socket, all connections and the queue. */
  close(): void {
    for (const connection of [...this.#connections.values()]) {
      this.#close(connection);
    }
    close(this.#listener.fd);
    this.#kq.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #serve(id: number, filter: number): void {
    // A number is given once only, so an event can never be taken for one of another connection.
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    try {
      if (filter === EVFILT_READ) this.#read(connection);
      else this.#write(connection);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.counts.failures++;
      this.#close(connection);
    }
  }

  #read(connection: Connection): void {
    const count = recv(connection.fd, this.#buffer);
    if (count === null) return;
    if (count === 0) {
      // The end, and nothing is unsent: bytes that came before it were read before it. EV_EOF alone would not say so,
      // as it is set while there is still something to read. What close() finds in the socket's buffer is still sent.
      this.#close(connection);
      return;
    }
    const sent = this.#send(connection, this.#buffer.subarray(0, count));
    if (sent === count) return;
    this.counts.partialWrites++;
    connection.unsent = this.#buffer.slice(sent, count);
    this.#await(connection, "room");
  }

  #write(connection: Connection): void {
    const { unsent } = connection;
    if (unsent === null) return;
    const sent = this.#send(connection, unsent);
    if (sent < unsent.length) {
      connection.unsent = unsent.subarray(sent);
    } else {
      connection.unsent = null;
      this.#await(connection, "bytes");
    }
  }

  #send(connection: Connection, bytes: Uint8Array): number {
    const sent = send(connection.fd, bytes) ?? 0;
    this.counts.bytes += sent;
    return sent;
  }

  /** Enables one of a connection's two watchers and disables the other; `EV_ADD` makes them. */
  #await({ fd, id }: Connection, what: "bytes" | "room", add = 0): void {
    const [read, write] = what === "bytes"
      ? [EV_ENABLE, EV_DISABLE]
      : [EV_DISABLE, EV_ENABLE];
    // Every change gives its watcher a udata, so it is said each time.
    this.#kq.apply([
      kevRead(fd, { flags: add | read, udata: id }),
      kevWrite(fd, { flags: add | write, udata: id }),
    ]);
  }

  #accept(waiting: number): void {
    for (let left = waiting; left > 0; left--) {
      let fd: number | null;
      try {
        fd = accept(this.#listener.fd);
      } catch (error) {
        if (!isShortage(error)) throw error;
        this.#pause();
        return;
      }
      if (fd === null) return;
      this.#open(fd);
    }
  }

  #open(fd: number): void {
    this.counts.connections++;
    const connection = { fd, id: ++this.#lastId, unsent: null };
    try {
      setNoDelay(fd);
      this.#await(connection, "bytes", EV_ADD);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.counts.failures++;
      close(fd);
      return;
    }
    this.#connections.set(connection.id, connection);
  }

  #close({ fd, id }: Connection): void {
    this.#connections.delete(id);
    close(fd); // and with it both watchers
  }

  /** Leaves connections waiting for a while: a level that cannot be served would be reported without end. */
  #pause(): void {
    this.#kq.apply([
      kevRead(this.#listener.fd, { flags: EV_DISABLE, udata: LISTENER }),
      kevTimer(LISTENER, PAUSE_MS, { flags: EV_ENABLE, udata: LISTENER }),
    ]);
  }

  #resume(): void {
    this.#kq.apply(
      kevRead(this.#listener.fd, { flags: EV_ENABLE, udata: LISTENER }),
    );
  }
}

/** Whether the process or the system is out of something that others may give back. */
function isShortage(error: unknown): boolean {
  return error instanceof SystemError &&
    ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"].includes(error.code);
}

if (import.meta.main) {
  using server = new EchoServer(Number(Deno.args[0] ?? 7777));
  console.log(`Listening on ${server.address}, port ${server.port}`);
  for (;;) server.step();
}
