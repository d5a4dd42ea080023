/** One connection: what it receives, the answers, and what it waits for. */
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  kevRead,
  kevWrite,
  type Kqueue,
  NOTE_LOWAT,
} from "../../mod.ts";
import { close, recv, shutdown } from "../../posix.ts";
import { NOTHING, type Output } from "./output.ts";
import { COMPLETE, INCOMPLETE } from "./parser.ts";
import type { Reader, Readers } from "./reader.ts";
import type { HttpRequest } from "./request.ts";
import {
  CLOSES,
  CONTINUE,
  type DateClock,
  type HttpResponse,
  KEEPS_OPEN,
  KEEPS_OPEN_1_0,
  refusal,
} from "./response.ts";

/** What a server is to its connections. */
export interface Host {
  readonly kq: Kqueue;
  readonly date: DateClock;
  readonly readers: Readers;
  readonly output: Output;
  /** Whether each answer is its connection's last. */
  readonly isEnding: boolean;
  /** When the client must have done its part, if it begins now; and be gone, if all is said. In the timer's ticks. */
  readonly deadline: number;
  readonly lingerDeadline: number;
  respond(request: HttpRequest): HttpResponse;
  closed(connection: Connection): void;
}

/**
 * A connection waits for one thing at a time: for bytes, or for room where the other side has not taken an answer yet.
 * While it waits for room nothing is read, so a client that asks and asks and never reads costs one buffer.
 *
 * Bytes are watched for with EV_CLEAR, and so reported once when they come. A level would be looked at by the kernel
 * again after each request, only to find that nothing is left. In return, where something may be left it must be said
 * that the next event is to report that too: by the same change again.
 */
export class Connection {
  /** When the client has taken too long, in ticks. */
  deadline: number;
  readonly #host: Host;
  readonly #fd: number;
  /** What reads the request that is under way, null between two. */
  #reader: Reader | null = null;
  /** What the client has not taken yet. */
  #unsent = NOTHING;
  /** Whether no request is answered any more, and whether our side was closed. */
  #isLast = false;
  #isLingering = false;

  /**
   * @param fd A connected socket.
   * @param id The udata of its watchers.
   */
  constructor(host: Host, fd: number, readonly id: number) {
    this.#host = host;
    this.#fd = fd;
    this.deadline = host.deadline;
    this.#watchBytes();
  }

  /** There are bytes, or the end, or both. */
  readable(flags: number): void {
    if (this.#isBlocked) return;
    // The end will not be news again behind the bytes in front of it.
    if ((flags & EV_EOF) !== 0) this.#watchBytes();
    if (this.#isLingering) return this.#discard();
    const isNew = this.#reader === null;
    const reader = this.#reader ??= this.#host.readers.take();
    const count = reader.input.receive(this.#fd);
    if (count === 0) return this.close();
    if (count !== null) {
      if (reader.input.isFull) this.#watchBytes();
      // A request has so much time from its first byte on, however slowly the others come.
      if (isNew) this.deadline = this.#host.deadline;
    }
    this.#host.output.open(this.#fd);
    this.#answerAll(reader);
  }

  /** There is room for what is to be sent. */
  writable(): void {
    const { output, deadline } = this.#host;
    this.deadline = deadline;
    output.open(this.#fd, this.#unsent);
    this.#answerAll(this.#reader);
  }

  /** The client has taken too long. */
  expire(): void {
    if (this.#isLingering || this.#isBlocked) return this.close();
    if (this.#reader === null) return this.#end();
    this.#host.output.open(this.#fd);
    this.#refuse(408);
    this.#settle();
  }

  /** The server ends: what has been asked is answered, and that is all. */
  finish(): void {
    this.readable(0);
  }

  close(): void {
    this.#dropReader();
    close(this.#fd); // and with it the watchers
    this.#host.closed(this);
  }

  get #isBlocked(): boolean {
    return this.#unsent !== NOTHING;
  }

  /** Answers the requests that are there, and sends the answers together. */
  #answerAll(reader: Reader | null): void {
    const { output } = this.#host;
    while (
      reader !== null && !reader.input.isEmpty &&
      !this.#isLast && !output.isBlocked
    ) {
      const verdict = reader.parser.parse(reader.input);
      if (verdict === COMPLETE) {
        this.#answer(reader.parser.request);
        reader.next();
      } else if (verdict === INCOMPLETE) {
        this.#sayContinue(reader);
        break;
      } else {
        this.#refuse(verdict);
      }
    }
    this.#settle();
  }

  #answer(request: HttpRequest): void {
    const host = this.#host;
    const response = host.respond(request);
    this.#isLast = !request.keepsAlive || host.isEnding;
    const connection = this.#isLast
      ? CLOSES
      : request.minorVersion === 1
      ? KEEPS_OPEN
      : KEEPS_OPEN_1_0;
    host.output.write(response.head(connection, host.date));
    if (request.method !== "HEAD") host.output.write(response.body);
    this.deadline = host.deadline;
  }

  /** Where a request's end is cannot be told any more, so it is the last. */
  #refuse(status: number): void {
    const { output, date } = this.#host;
    const response = refusal(status);
    output.write(response.head(CLOSES, date));
    output.write(response.body);
    this.#isLast = true;
  }

  #sayContinue(reader: Reader): void {
    if (reader.hasSaidContinue || !reader.parser.awaitsContinue) return;
    reader.hasSaidContinue = true;
    this.#host.output.write(CONTINUE);
  }

  /** After a turn's work: sends, and sees what to wait for. */
  #settle(): void {
    const wasBlocked = this.#isBlocked;
    this.#unsent = this.#host.output.close();
    if (this.#isBlocked !== wasBlocked) this.#watchRoom();
    if (this.#reader?.input.isEmpty) this.#dropReader();
    else this.#reader?.input.settle();
    if (this.#isBlocked) return;
    const isIdle = this.#reader === null;
    if (this.#isLast || isIdle && this.#host.isEnding) this.#end();
    else if (wasBlocked) this.#watchBytes();
  }

  /**
   * Closes our side and waits for the other to close its own: closing a socket with bytes in it that nobody has read
   * would reset the connection, and the client might never see what was sent last.
   */
  #end(): void {
    this.#isLast = this.#isLingering = true;
    this.#dropReader();
    this.deadline = this.#host.lingerDeadline;
    shutdown(this.#fd, "write");
    this.#watchBytes();
  }

  #discard(): void {
    const { waste } = this.#host.readers;
    const count = recv(this.#fd, waste);
    if (count === 0) this.close();
    else if (count === waste.length) this.#watchBytes();
  }

  #dropReader(): void {
    if (this.#reader !== null) this.#host.readers.give(this.#reader);
    this.#reader = null;
  }

  /** Watches for bytes, those that are there already among them. */
  #watchBytes(): void {
    this.#host.kq.apply(kevRead(this.#fd, {
      flags: EV_ADD | EV_CLEAR,
      // That there are some is enough to know: how many shows when they are received.
      fflags: NOTE_LOWAT,
      data: 1,
      udata: this.id,
    }));
  }

  #watchRoom(): void {
    const flags = this.#isBlocked ? EV_ADD : EV_DELETE;
    this.#host.kq.apply(kevWrite(this.#fd, { flags, udata: this.id }));
  }
}
