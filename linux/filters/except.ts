/** EVFILT_EXCEPT (R39): out-of-band data. */
import { EVFILT_EXCEPT, NOTE_OOB } from "../../constants.ts";
import type { Host } from "../host.ts";
import { fillReport, type Knote } from "../knote.ts";
import { EPOLLPRI } from "../system/epoll.ts";
import { EpollSet } from "../system/epoll_set.ts";
import { DescriptorFilter, type Peers } from "./descriptor_filter.ts";

export class ExceptFilter extends DescriptorFilter {
  override readonly number: number = EVFILT_EXCEPT;
  protected override readonly mask: number = EPOLLPRI;
  protected override readonly files: undefined;

  constructor(host: Host, peers: Peers) {
    super(host, peers, new EpollSet());
  }

  protected override isConditional(): boolean {
    return false;
  }

  protected override evaluate(
    knote: Knote,
    _fd: number,
    revents: number,
  ): boolean {
    if ((revents & EPOLLPRI) === 0 || (knote.fflags & NOTE_OOB) === 0) {
      return false;
    }
    fillReport(0, NOTE_OOB, 0);
    return true;
  }
}
