/** EVFILT_READ (R22, R30 to R37). */
import { EVFILT_READ } from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Knote } from "../knote.ts";
import { EpollSet } from "../system/epoll_set.ts";
import type { Peers } from "./descriptor_filter.ts";
import { FileFilter } from "./file.ts";
import { ReadableFilter } from "./readable.ts";

/** A queue of this isolate: among the kinds of files one that only its siblings know. */
const KIND_QUEUE = -1;

export class ReadFilter extends ReadableFilter {
  override readonly number: number = EVFILT_READ;
  override readonly files: FileFilter;

  constructor(host: Host, peers: Peers) {
    super(host, peers, new EpollSet(host.fd));
    this.files = new FileFilter(EVFILT_READ, host);
  }

  override attach(knote: Knote, change: Change): number {
    const error = super.attach(knote, change);
    if (error === 0 && this.isQueue(knote.identLow)) knote.kind = KIND_QUEUE;
    return error;
  }

  protected override refusal(): number {
    return 0;
  }

  protected override evaluate(
    knote: Knote,
    fd: number,
    revents: number,
  ): boolean {
    if (knote.kind !== KIND_QUEUE) return super.evaluate(knote, fd, revents);
    const count = this.host.siblings.get(fd)?.countReady() ?? 0;
    fillReport(0, 0, count);
    return count > 0;
  }
}
