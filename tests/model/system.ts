/** The real thing: a queue, and the descriptors that a run of the model test opens. */
import { assert, assertEquals } from "@std/assert";
import { errnoName } from "../../errno.ts";
import {
  close,
  errno,
  type Kevent,
  kqueue,
  SystemError,
  Timespec,
} from "../../mod.ts";
import type { RawCalls } from "../semantics/calls.ts";
import {
  Descriptors,
  fill,
  fillPipe,
  read,
  receive,
  send,
  write,
} from "../semantics/descriptors.ts";
import { Channel, type ChannelKind, type End } from "./channels.ts";
import type { Change } from "./watchers.ts";

const AT_ONCE = new Timespec();

/** Closes the queue and all descriptors when it is disposed of. */
export class System implements Disposable {
  /** The commands that ran. */
  readonly trace: { toString(): string }[] = [];
  readonly #kq: number;
  readonly #calls: RawCalls;
  readonly #descriptors = new Descriptors();

  /** @param calls The calls that are used on the queue: a queue belongs to one of the two (R10a). */
  constructor(calls: RawCalls) {
    this.#calls = calls;
    this.#kq = kqueue();
    assert(this.#kq !== -1, "kqueue() failed");
  }

  /** "", or the name of the errno. */
  apply(change: Change): string {
    const list = this.#calls.changes(change);
    const result = this.#calls.call(this.#kq, list, null, null);
    return result === 0 ? "" : errnoName(errno());
  }

  /** What is ready, as far as there is room. */
  poll(room: number): Kevent[] {
    const list = this.#calls.room(room);
    const count = this.#calls.call(this.#kq, null, list, AT_ONCE);
    if (count === -1) throw new SystemError(this.#calls.name, errno());
    assertEquals(list.length, count);
    return list.toArray();
  }

  open(kind: ChannelKind): Channel {
    return new Channel(kind, this.#descriptors[kind]());
  }

  /** Closes an end, by way of the module or behind its back. */
  close(end: End, isBehind: boolean): void {
    if (isBehind) this.#descriptors.closeBehind(end.fd);
    else this.#descriptors.close(end.fd);
  }

  /** Puts the first end of a new channel under an open end's number, which closes that behind the module's back. */
  replace(end: End): Channel {
    const { kind } = end.channel;
    const fds = this.#descriptors[kind]();
    this.#descriptors.dup2(fds[end.side], end.fd);
    this.#descriptors.close(fds[end.side]);
    fds[end.side] = end.fd;
    return new Channel(kind, fds);
  }

  write(end: End, count: number): void {
    const put = end.channel.kind === "pipe" ? write : send;
    put(end.fd, count);
  }

  /** Writes until there is no room, and gives the bytes. */
  fill(end: End): number {
    return end.channel.kind === "pipe" ? fillPipe(end.fd) : fill(end.fd);
  }

  read(end: End, count: number): void {
    const take = end.channel.kind === "pipe" ? read : receive;
    take(end.fd, count);
  }

  [Symbol.dispose](): void {
    close(this.#kq);
    this.#descriptors[Symbol.dispose]();
  }
}
