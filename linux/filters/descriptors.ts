/** READ, WRITE and EXCEPT of one queue, and what they need of each other. */
import type { Host } from "../host.ts";
import { EPOLLERR } from "../system/epoll.ts";
import { KIND_STREAM, takeSocketError } from "../system/sockets.ts";
import type { Sources } from "../system/sources.ts";
import type { DescriptorFilter, Peers } from "./descriptor_filter.ts";
import { ExceptFilter } from "./except.ts";
import { ReadFilter } from "./read.ts";
import { WriteFilter } from "./write.ts";

export class Descriptors implements Peers {
  readonly read: ReadFilter;
  readonly write: WriteFilter;
  readonly except: ExceptFilter;
  readonly #host: Host;
  readonly #sources: Sources;
  #stale: DescriptorFilter | undefined;

  /** @param sources What else is in the queue's own epoll set, which is READ's. */
  constructor(host: Host, sources: Sources) {
    this.#host = host;
    this.#sources = sources;
    this.read = new ReadFilter(host, this);
    this.write = new WriteFilter(host, this);
    this.except = new ExceptFilter(host, this);
  }

  /** At the start of a call: files that never wait have nobody to report them. */
  look(): void {
    this.read.files.look();
  }

  /** After the reports of a call: makes a set anew that reports files which were closed here. */
  settle(): void {
    const filter = this.#stale;
    if (filter === undefined) return;
    this.#stale = undefined;
    const { fd } = this.#host;
    const replaced = filter.rebuild((fresh, old) => {
      if (old === fd) this.#sources.adopt(fresh);
    });
    if (replaced !== -1) this.#setReplaced(replaced);
  }

  /** A set was replaced under its number, which ended its registration in the set around it. */
  #setReplaced(fd: number): void {
    if (fd !== this.#host.fd) return this.#sources.restore(fd);
    for (const outer of this.#host.siblings.values()) outer.restore(fd);
  }

  replaced(fd: number, by: DescriptorFilter): void {
    for (const filter of [this.read, this.write, this.except]) {
      if (filter !== by) filter.recheck(fd);
    }
  }

  hasStale(filter: DescriptorFilter): void {
    this.#stale = filter;
  }

  /** Asking the kernel takes a socket's error away, so every watcher of the descriptor keeps it. */
  socketError(fd: number, kind: number, revents: number): number {
    const taken = kind === KIND_STREAM && (revents & EPOLLERR) !== 0
      ? takeSocketError(fd)
      : 0;
    const error = taken || errorOf(this.read, fd) ||
      errorOf(this.write, fd) || errorOf(this.except, fd);
    keepError(this.read, fd, error);
    keepError(this.write, fd, error);
    keepError(this.except, fd, error);
    return error;
  }
}

/** The error that a watcher keeps, unless the number has come to name another socket. */
function errorOf(filter: DescriptorFilter, fd: number): number {
  if ((filter.find(fd)?.error ?? 0) === 0) return 0;
  filter.recheck(fd);
  return filter.find(fd)?.error ?? 0;
}

function keepError(filter: DescriptorFilter, fd: number, error: number): void {
  const knote = filter.find(fd);
  if (knote !== undefined) knote.error = error;
}
