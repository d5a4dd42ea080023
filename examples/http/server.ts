/** A server: the queue, accepting, the clock, the end. */
import {
  EV_ADD,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent64List,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  Kqueue,
} from "../../mod.ts";
import {
  accept,
  close,
  listen,
  type Listener,
  setNoDelay,
  SystemError,
} from "../../posix.ts";
import { Connection, type Host } from "./connection.ts";
import { Output } from "./output.ts";
import type { Limits } from "./parser.ts";
import { Readers } from "./reader.ts";
import type { HttpRequest } from "./request.ts";
import { DateClock, type HttpResponse, refusal } from "./response.ts";

/** The udata of what is no connection's, and the timer's and the user event's ident. Connections have those from 1. */
const SERVER = 0;
/** The udata of the user event that ends the server at once. */
const AT_ONCE = 1;
/** The ident of the timer that lets Deno's event loop turn. */
const TURN = 1;
const LONGEST_TICK_MS = 1000;
const LONGEST_LINGER_MS = 2000;
const KIB = 1024;
const USUAL_LIMITS: Limits = {
  requestLine: 8 * KIB,
  head: 16 * KIB,
  body: 1024 * KIB,
};

/** How a server works. */
export interface ServeOptions {
  /** Answers a request, at once. What it throws is answered with 500. */
  readonly handler: (request: HttpRequest) => HttpResponse;
  /** An IPv4 or IPv6 address: "127.0.0.1" unless given. */
  readonly address?: string;
  /** The port, 0 to 65535; 0, as unless given, is any that is free. */
  readonly port?: number;
  /** Whether others may listen on the port too (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** More clients than this are left waiting: 10,000 unless given. */
  readonly maxConnections?: number;
  /** How long a client may take to send a request, to take an answer and to ask again, in ms: 30,000 unless given. */
  readonly timeoutMs?: number;
  /** How much of a request is taken, in bytes: a first line of 8 KiB, a head of 16 KiB, a body of 1 MiB. */
  readonly limits?: Limits;
  /** Signals that end the server. */
  readonly signals?: readonly Deno.Signal[];
  /**
   * How long the server may keep Deno's event loop from turning, in ms: 0 unless given, so that what else the program
   * does goes on. With more, waiting costs less.
   */
  readonly blockMs?: number;
}

/** Starts a server. */
export function serve(options: ServeOptions): Server {
  return new Server(options);
}

/** A server at work. */
export class Server implements Host, AsyncDisposable {
  readonly kq: Kqueue = new Kqueue({ capacity: 1024 });
  readonly date: DateClock = new DateClock();
  readonly readers: Readers;
  readonly output: Output = new Output();
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
  readonly #handler: (request: HttpRequest) => HttpResponse;
  readonly #listener: Listener;
  readonly #connections = new Map<number, Connection>();
  readonly #maxConnections: number;
  readonly #signals: readonly Deno.Signal[];
  readonly #blockMs: number;
  readonly #timeoutTicks: number;
  readonly #lingerTicks: number;
  /** How often the timer has ticked. */
  #now = 0;
  #lastId = SERVER;
  #accepts = true;
  /** Whether to wait without letting Deno's event loop turn. */
  #mayBlock = false;
  #isEnding = false;
  #isOver = false;

  constructor(options: ServeOptions) {
    const { timeoutMs = 30_000, maxConnections = 10_000, blockMs = 0 } =
      options;
    const tickMs = Math.ceil(Math.min(timeoutMs / 4, LONGEST_TICK_MS));
    // The first tick may come at once.
    this.#timeoutTicks = Math.ceil(timeoutMs / tickMs) + 1;
    this.#lingerTicks = Math.ceil(LONGEST_LINGER_MS / tickMs) + 1;
    this.#maxConnections = maxConnections;
    this.#blockMs = blockMs;
    this.#handler = options.handler;
    this.readers = new Readers(options.limits ?? USUAL_LIMITS);
    this.#signals = [...options.signals ?? []];
    const { address = "127.0.0.1", port = 0, reusePort = false } = options;
    const clock = kevTimer(SERVER, tickMs, { udata: SERVER });
    const signals = this.#signals
      .map((name) => kevSignal(name, { udata: SERVER }));
    this.#listener = listen({ address, port, reusePort });
    this.kq.apply([
      kevRead(this.#listener.fd, { udata: SERVER }),
      clock,
      kevUser(SERVER, { udata: SERVER }),
      ...signals,
    ]);
    // To a queue on macOS a signal is only known, and still does what it does to a process that has no listener.
    for (const name of this.#signals) Deno.addSignalListener(name, listenTo);
    this.finished = this.#run();
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

  /** Ends the server when what was asked is answered. */
  shutdown(): Promise<void> {
    if (!this.#isOver) this.kq.trigger(SERVER, { udata: SERVER });
    return this.finished;
  }

  /** Ends the server, and all connections in the midst of whatever it is. */
  close(): Promise<void> {
    if (!this.#isOver) this.kq.trigger(SERVER, { udata: AT_ONCE });
    return this.finished;
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For connections: whether each answer is the last. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** For connections: when a client must have done what it begins now. */
  get deadline(): number {
    return this.#now + this.#timeoutTicks;
  }

  /** For connections: when a client must be gone to which all is said now. */
  get lingerDeadline(): number {
    return this.#now + Math.min(this.#lingerTicks, this.#timeoutTicks);
  }

  /** For connections: has the handler answer. */
  respond(request: HttpRequest): HttpResponse {
    try {
      return this.#handler(request);
    } catch (error) {
      console.error(error);
      return refusal(500);
    }
  }

  /** For connections: says that one is closed. */
  closed(connection: Connection): void {
    this.#connections.delete(connection.id);
    if (!this.#accepts && !this.#isEnding) this.#watchListener(EV_ENABLE);
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isOver) {
        if (this.#mayBlock) {
          this.#take(this.kq.wait());
        } else {
          // Lets Deno's event loop turn, in which on Linux signals arrive; and where nothing is ready, waits without
          // keeping it from turning on.
          this.#take(await this.kq.waitAsync());
          this.#block();
        }
      }
    } finally {
      this.#isOver = true;
      for (const connection of [...this.#connections.values()]) {
        connection.close();
      }
      if (!this.#isEnding) close(this.#listener.fd);
      this.kq.close();
      for (const name of this.#signals) {
        Deno.removeSignalListener(name, listenTo);
      }
    }
  }

  /** From now on waits where it is, until a timer says that it is time for the others. */
  #block(): void {
    if (this.#blockMs === 0) return;
    this.#mayBlock = true;
    // A timeout would end each wait as well, but would have to be set for each.
    this.kq.apply(kevTimer(TURN, this.#blockMs, {
      flags: EV_ADD | EV_ONESHOT,
      udata: SERVER,
    }));
  }

  #take(events: Kevent64List): void {
    this.date.look();
    for (let i = 0; i < events.length; i++) {
      const id = events.udataNumber(i);
      const filter = events.filter(i);
      // A number is given once only, so an event can never be taken for one of another connection.
      if (filter === EVFILT_USER) this.#end(id === AT_ONCE);
      else if (id !== SERVER) this.#serve(id, filter, events.flags(i));
      else if (filter === EVFILT_TIMER) {
        if (events.identNumber(i) === TURN) this.#mayBlock = false;
        else this.#tick(events.dataNumber(i));
      } else if (filter === EVFILT_SIGNAL) this.#end(this.#isEnding);
      else this.#accept(events.dataNumber(i));
    }
    if (this.#isEnding && this.size === 0) this.#isOver = true;
  }

  #serve(id: number, filter: number, flags: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    try {
      if (filter === EVFILT_READ) connection.readable(flags);
      else connection.writable();
    } catch (error) {
      this.#lose(connection, error);
    }
  }

  /** The client may be gone at any time, and that is no failure of the server's. */
  #lose(connection: Connection, error: unknown): void {
    if (!(error instanceof SystemError)) throw error;
    connection.close();
  }

  #forAll(
    connections: Iterable<Connection>,
    what: "expire" | "finish",
  ): void {
    for (const connection of connections) {
      try {
        connection[what]();
      } catch (error) {
        this.#lose(connection, error);
      }
    }
  }

  #accept(waiting: number): void {
    for (let left = waiting; left > 0 && !this.#isEnding; left--) {
      if (this.size >= this.#maxConnections) {
        return this.#watchListener(EV_DISABLE);
      }
      let fd: number | null;
      try {
        fd = accept(this.#listener.fd);
      } catch (error) {
        if (!isShortage(error)) throw error;
        // A level that cannot be served would be reported without end. The next tick tries again. (On macOS this one
        // connection is closed.)
        return this.#watchListener(EV_DISABLE);
      }
      if (fd === null) return;
      this.#open(fd);
    }
  }

  #open(fd: number): void {
    try {
      setNoDelay(fd);
      const connection = new Connection(this, fd, ++this.#lastId);
      this.#connections.set(connection.id, connection);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      close(fd);
    }
  }

  #watchListener(flags: number): void {
    this.#accepts = flags === EV_ENABLE;
    this.kq.apply(kevRead(this.#listener.fd, { flags, udata: SERVER }));
  }

  #tick(count: number): void {
    this.#now += count;
    const late = this.#connections.values()
      .filter(({ deadline }) => deadline <= this.#now);
    this.#forAll(late, "expire");
    if (!this.#accepts && !this.#isEnding) this.#watchListener(EV_ENABLE);
  }

  #end(isAtOnce: boolean): void {
    if (isAtOnce) {
      this.#isOver = true;
      return;
    }
    if (this.#isEnding) return;
    this.#accept(Infinity); // those that wait have been told by the system that they are connected
    this.#isEnding = true;
    close(this.#listener.fd);
    this.#forAll(this.#connections.values(), "finish");
  }
}

function listenTo(): void {}

/** Whether the process or the system is out of something that others may give back. */
function isShortage(error: unknown): boolean {
  return error instanceof SystemError &&
    ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"].includes(error.code);
}
