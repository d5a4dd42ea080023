/** One connection: what it receives, the answers, and what it waits for. */
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  kevRead,
  kevWrite,
  type Kqueue,
  NOTE_LOWAT,
} from "../../mod.ts";
import { close, recv, shutdown } from "../../posix.ts";
import { Input, type ReceiveMemory } from "./input.ts";
import { Output, type SendMemory } from "./output.ts";
import { COMPLETE, INCOMPLETE, type Limits, RequestParser } from "./parser.ts";
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
  readonly limits: Limits;
  readonly date: DateClock;
  readonly receiveMemory: ReceiveMemory;
  readonly sendMemory: SendMemory;
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
 */
export class Connection {
  /** When the client has taken too long, in ticks. */
  deadline: number;
  readonly #host: Host;
  readonly #fd: number;
  readonly #input: Input;
  readonly #output: Output;
  readonly #parser: RequestParser;
  /** Whether no request is answered any more, and whether our side was closed. */
  #isLast = false;
  #isLingering = false;
  #hasSaidContinue = false;
  #awaitsRoom = false;

  /**
   * @param fd A connected socket.
   * @param id The udata of its watchers.
   */
  constructor(host: Host, fd: number, readonly id: number) {
    this.#host = host;
    this.#fd = fd;
    this.#input = new Input(host.receiveMemory);
    this.#output = new Output(fd, host.sendMemory);
    this.#parser = new RequestParser(host.limits);
    this.deadline = host.deadline;
    this.#watchBytes(EV_ADD);
  }

  /** There are bytes, or the end. */
  readable(): void {
    if (this.#isLingering) return this.#discard();
    const isNew = this.#input.isEmpty;
    const count = this.#input.receive(this.#fd);
    if (count === 0) return this.close();
    if (count === null) {
      if (isNew && this.#host.isEnding) this.#end();
      return;
    }
    this.#answerAll();
    // A request has so much time from its first byte on, however slowly the others come.
    if (isNew) this.deadline = this.#host.deadline;
  }

  /** There is room for what is to be sent. */
  writable(): void {
    this.deadline = this.#host.deadline;
    this.#output.resume();
    if (!this.#output.isBlocked) this.#answerAll();
  }

  /** The client has taken too long. */
  expire(): void {
    if (this.#isLingering || this.#awaitsRoom) return this.close();
    if (this.#input.isEmpty) return this.#end();
    this.#refuse(408);
    this.#settle();
  }

  /** The server ends: what has been asked is answered, and that is all. */
  finish(): void {
    if (!this.#awaitsRoom) this.readable();
  }

  close(): void {
    this.#input.clear();
    close(this.#fd); // and with it the watchers
    this.#host.closed(this);
  }

  /** Answers the requests that are there, and sends the answers together. */
  #answerAll(): void {
    const input = this.#input;
    while (!input.isEmpty && !this.#isLast && !this.#output.isBlocked) {
      const verdict = this.#parser.parse(input);
      if (verdict === COMPLETE) {
        this.#answer(this.#parser.request);
        this.#parser.next(input);
      } else if (verdict === INCOMPLETE) {
        this.#sayContinue();
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
    this.#output.write(response.head(connection, host.date));
    if (request.method !== "HEAD") this.#output.write(response.body);
    this.#hasSaidContinue = false;
    this.deadline = host.deadline;
  }

  /** Where a request's end is cannot be told any more, so it is the last. */
  #refuse(status: number): void {
    const response = refusal(status);
    this.#output.write(response.head(CLOSES, this.#host.date));
    this.#output.write(response.body);
    this.#isLast = true;
  }

  #sayContinue(): void {
    if (this.#hasSaidContinue || !this.#parser.awaitsContinue) return;
    this.#hasSaidContinue = true;
    this.#output.write(CONTINUE);
  }

  /** After a turn's work: sends, and sees what to wait for. */
  #settle(): void {
    this.#output.flush();
    this.#input.settle();
    if (this.#output.isBlocked) {
      if (!this.#awaitsRoom) this.#await("room");
      return;
    }
    if (this.#awaitsRoom) this.#await("bytes");
    const isIdle = this.#input.isEmpty;
    if (this.#isLast || isIdle && this.#host.isEnding) this.#end();
  }

  /**
   * Closes our side and waits for the other to close its own: closing a socket with bytes in it that nobody has read
   * would reset the connection, and the client might never see what was sent last.
   */
  #end(): void {
    this.#isLast = this.#isLingering = true;
    this.#input.clear();
    this.deadline = this.#host.lingerDeadline;
    shutdown(this.#fd, "write");
  }

  #discard(): void {
    if (recv(this.#fd, this.#host.receiveMemory.shared) === 0) this.close();
  }

  #await(what: "bytes" | "room"): void {
    this.#awaitsRoom = what === "room";
    this.#watchBytes(this.#awaitsRoom ? EV_DISABLE : EV_ENABLE);
    const flags = this.#awaitsRoom ? EV_ADD : EV_DELETE;
    this.#host.kq.apply(kevWrite(this.#fd, { flags, udata: this.id }));
  }

  #watchBytes(flags: number): void {
    // That there are some is enough to know: how many shows when they are received.
    const mark = { fflags: NOTE_LOWAT, data: 1 };
    this.#host.kq.apply(
      kevRead(this.#fd, { flags, ...mark, udata: this.id }),
    );
  }
}
