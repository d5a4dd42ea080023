/**
 * Clients for an echo server: many connections on one queue, in one thread, and every byte that comes back is checked.
 *
 * ```sh
 * deno run --allow-ffi examples/echo.ts
 * deno run --allow-ffi examples/clients.ts [PORT] [--clients N] [--messages N] [--seconds S]
 * ```
 *
 * 200 clients share 50,000 messages, unless other numbers are given. Each sends a message, receives its echo, then sends
 * the next. Most messages are short; a few are larger than the buffers between the two, and their clients take their
 * time before they receive. Behind its last message a client half-closes the connection, while the echo is still under
 * way, and expects the server to close it after the last byte. With `--seconds` it connects anew then, until the time is
 * over. The exit code is 0, or 1 if anything was wrong.
 *
 * @module
 */
import {
  EV_ADD,
  EV_DISABLE,
  EV_ENABLE,
  EVFILT_READ,
  kevRead,
  kevTimer,
  kevWrite,
  Kqueue,
} from "../mod.ts";
import {
  close,
  connect,
  recv,
  send,
  setNoDelay,
  setReceiveBufferSize,
  setSendBufferSize,
  shutdown,
  SystemError,
} from "../posix.ts";
import { parseArgs } from "node:util";

/** The udata of the timer. Connections have the numbers from 1. */
const TIMER = 0;
const TIMER_MS = 100;
/** How long the server may do nothing. */
const PATIENCE_MS = 10_000;
const KIB = 1024;
const SOCKET_BUFFER = 128 * KIB;
/** More than a system puts into a server's send buffer (4 MiB) and such a client's receive buffer together. */
const HUGE = 8192 * KIB;
/** Messages are pieces of so many random bytes: a byte too many or too few shows at the next. */
const PATTERN_SIZE = 2 * HUGE;

/** What the clients do. */
interface Plan {
  /** Where the server listens, on 127.0.0.1. */
  port: number;
  /** How many connections are open at a time. */
  clients: number;
  /** How many messages they share. */
  messages: number;
  /** For how long they connect anew when they have sent their share; 0 for not at all. */
  seconds: number;
}

/** One connection. */
interface Client {
  readonly fd: number;
  /** The udata of its watchers. */
  readonly id: number;
  /** How many messages it sends in all. */
  readonly share: number;
  /** How many of them are not back yet. */
  left: number;
  /** The one under way, and how much of it was sent and has come back. */
  message: Uint8Array;
  sent: number;
  received: number;
}

/** Something that an echo server does not do. */
class Mistake extends Error {}

class Clients {
  readonly counts = {
    connections: 0,
    messages: 0,
    errors: 0,
    /** Bytes that came back. */
    bytes: 0,
    waits: 0,
    events: 0,
  };
  readonly #plan: Plan;
  readonly #kq = new Kqueue({ capacity: 1024 });
  readonly #open = new Map<number, Client>();
  /** Those that do not receive until the timer fires. */
  readonly #slow = new Set<Client>();
  readonly #buffer = new Uint8Array(SOCKET_BUFFER);
  readonly #random = new Random(1);
  readonly #pattern = this.#random.bytes(PATTERN_SIZE);
  readonly #start = performance.now();
  #lastId = TIMER;
  #lastNews = this.#start;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Does it all, and calls `onTimer` ten times a second. */
  run(onTimer: () => void): void {
    const { counts } = this;
    const { clients, messages } = this.#plan;
    using kq = this.#kq;
    kq.apply(kevTimer(TIMER, TIMER_MS, { udata: TIMER }));
    for (let i = 0; i < clients; i++) {
      this.#connect(Math.floor((messages + i) / clients));
    }
    while (this.#open.size > 0) {
      const events = kq.wait();
      counts.waits++;
      counts.events += events.length;
      for (let i = 0; i < events.length; i++) {
        const id = events.udataNumber(i);
        if (id !== TIMER) {
          this.#serve(id, events.filter(i));
        } else {
          onTimer();
          this.#hurry();
          this.#checkPatience();
        }
      }
    }
  }

  #connect(share: number): void {
    const client: Client = {
      fd: connect({ port: this.#plan.port }),
      id: ++this.#lastId,
      share,
      left: share,
      message: new Uint8Array(),
      sent: 0,
      received: 0,
    };
    const { fd, id } = client;
    this.#open.set(id, client);
    this.counts.connections++;
    try {
      setNoDelay(fd);
      setSendBufferSize(fd, SOCKET_BUFFER);
      setReceiveBufferSize(fd, SOCKET_BUFFER);
      this.#kq.apply([
        kevRead(fd, { udata: id }),
        kevWrite(fd, { flags: EV_ADD | EV_DISABLE, udata: id }),
      ]);
      if (share > 0) this.#begin(client);
      else shutdown(fd, "write");
    } catch (error) {
      this.#fail(client, error);
    }
  }

  #serve(id: number, filter: number): void {
    const client = this.#open.get(id);
    if (client === undefined) return;
    this.#lastNews = performance.now();
    try {
      if (filter === EVFILT_READ) this.#receive(client);
      else if (this.#send(client)) this.#watchRoom(client, EV_DISABLE);
    } catch (error) {
      this.#fail(client, error);
    }
  }

  /** Begins the next message. */
  #begin(client: Client): void {
    const { seconds } = this.#plan;
    if (seconds > 0 && this.seconds >= seconds) client.left = 1;
    const size = this.#size();
    const start = this.#random.below(PATTERN_SIZE - size);
    client.message = this.#pattern.subarray(start, start + size);
    client.sent = client.received = 0;
    if (!this.#send(client)) this.#watchRoom(client, EV_ENABLE);
    if (size === HUGE) {
      this.#slow.add(client);
      this.#watchBytes(client, EV_DISABLE);
    }
  }

  /** How long the next message is. */
  #size(): number {
    const kind = this.#random.below(2500);
    if (kind === 0) return HUGE;
    return 1 + this.#random.below(kind <= 100 ? 128 * KIB : 2 * KIB);
  }

  /** Lets those receive that have taken their time. */
  #hurry(): void {
    for (const client of this.#slow) this.#watchBytes(client, EV_ENABLE);
    this.#slow.clear();
  }

  /** Sends what there is room for. True when that is all. */
  #send(client: Client): boolean {
    const { fd, message } = client;
    client.sent += send(fd, message.subarray(client.sent)) ?? 0;
    if (client.sent < message.length) return false;
    if (client.left === 1) shutdown(fd, "write");
    return true;
  }

  #watchRoom({ fd, id }: Client, flags: number): void {
    this.#kq.apply(kevWrite(fd, { flags, udata: id }));
  }

  #watchBytes({ fd, id }: Client, flags: number): void {
    this.#kq.apply(kevRead(fd, { flags, udata: id }));
  }

  #receive(client: Client): void {
    const count = recv(client.fd, this.#buffer);
    if (count === null) return;
    if (count === 0) {
      this.#end(client);
      return;
    }
    this.#check(client, count);
    client.received += count;
    this.counts.bytes += count;
    if (client.received < client.message.length) return;
    this.counts.messages++;
    client.left--;
    if (client.left > 0) this.#begin(client);
  }

  #check({ message, sent, received }: Client, count: number): void {
    if (received + count > sent) {
      throw new Mistake(`got ${received + count} bytes back of ${sent} sent`);
    }
    const buffer = this.#buffer;
    for (let i = 0; i < count; i++) {
      if (buffer[i] === message[received + i]) continue;
      throw new Mistake(
        `byte ${received + i} of ${message.length} came back as ${
          buffer[i]
        }, not ${message[received + i]}`,
      );
    }
  }

  #end(client: Client): void {
    if (client.left > 0) throw new Mistake("the server closed too early");
    this.#close(client);
    if (this.seconds < this.#plan.seconds) this.#connect(client.share);
  }

  #fail(client: Client, error: unknown): void {
    if (!(error instanceof SystemError || error instanceof Mistake)) {
      throw error;
    }
    this.counts.errors++;
    console.error(`connection ${client.id}: ${error.message}`);
    this.#close(client);
  }

  #close(client: Client): void {
    this.#open.delete(client.id);
    this.#slow.delete(client);
    close(client.fd);
  }

  #checkPatience(): void {
    if (performance.now() - this.#lastNews < PATIENCE_MS) return;
    for (const client of [...this.#open.values()]) {
      this.#fail(client, new Mistake("the server has stopped answering"));
    }
  }
}

/** Random numbers that are the same in every run (Marsaglia's xorshift32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** So many bytes, a multiple of 4. */
  bytes(count: number): Uint8Array {
    const words = new Uint32Array(count / 4);
    for (let i = 0; i < words.length; i++) words[i] = this.#next();
    return new Uint8Array(words.buffer);
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}

/** Shows how far it is: in one line that changes on a terminal, in a few lines elsewhere. */
class Progress {
  readonly #plan: Plan;
  readonly #isTerminal = Deno.stdout.isTerminal();
  #next: number;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#next = plan.messages / 5;
  }

  show({ counts, seconds }: Clients): void {
    const { messages, seconds: end } = this.#plan;
    const goal = end > 0
      ? `, ${seconds.toFixed(0)} of ${end} s`
      : ` of ${format(messages)}`;
    const text = `${format(counts.messages)} messages${goal}`;
    if (this.#isTerminal) {
      print(`\r\x1b[K${text}`);
    } else if (end === 0 && counts.messages >= this.#next) {
      print(`${text}\n`);
      this.#next += messages / 5;
    }
  }

  end(): void {
    if (this.#isTerminal) print("\r\x1b[K");
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function format(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** One line of a table. */
export function row(name: string, value: number, digits = 0): string {
  return name.padEnd(24) + format(value, digits).padStart(14);
}

function planOf(args: string[]): Plan {
  const { values, positionals: [port = "7777"] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      clients: { type: "string", default: "200" },
      messages: { type: "string", default: "50000" },
      seconds: { type: "string", default: "0" },
    },
  });
  return {
    port: countOf("PORT", port),
    clients: countOf("--clients", values.clients, 1),
    messages: countOf("--messages", values.messages),
    seconds: countOf("--seconds", values.seconds),
  };
}

function countOf(name: string, text: string, least = 0): number {
  const count = Number(text);
  if (text !== "" && Number.isSafeInteger(count) && count >= least) {
    return count;
  }
  console.error(`${name} must be a number from ${least} on, got "${text}"`);
  Deno.exit(2);
}

if (import.meta.main) {
  const plan = planOf(Deno.args);
  const clients = new Clients(plan);
  const progress = new Progress(plan);
  clients.run(() => progress.show(clients));
  progress.end();

  const { counts, seconds } = clients;
  console.log(row("connections", counts.connections));
  console.log(row("messages", counts.messages));
  console.log(row("errors", counts.errors));
  console.log(row("bytes", counts.bytes));
  console.log(row("seconds", seconds, 2));
  console.log(row("messages/s", counts.messages / seconds));
  console.log(row("events per wait", counts.events / counts.waits, 1));
  const isShort = plan.seconds === 0 && counts.messages < plan.messages;
  if (counts.errors > 0 || isShort) Deno.exit(1);
}
