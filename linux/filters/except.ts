/** EVFILT_EXCEPT (R39): READ for sockets alone, and most of all for out-of-band data. */
import { EVFILT_EXCEPT } from "../../constants.ts";
import type { Host } from "../host.ts";
import type { Knote } from "../knote.ts";
import { EpollSet } from "../system/epoll_set.ts";
import { EINVAL } from "../system/libc.ts";
import { isSocket, kindOf } from "../system/sockets.ts";
import type { Peers } from "./descriptor_filter.ts";
import { ReadableFilter } from "./readable.ts";

export class ExceptFilter extends ReadableFilter {
  override readonly number: number = EVFILT_EXCEPT;
  protected override readonly files: undefined;

  constructor(host: Host, peers: Peers) {
    super(host, peers, new EpollSet());
  }

  protected override refusal(_knote: Knote, fd: number): number {
    return isSocket(kindOf(fd)) ? 0 : EINVAL;
  }
}
