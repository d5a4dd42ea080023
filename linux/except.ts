/** EVFILT_EXCEPT (R39): out-of-band data. */
import { EVFILT_EXCEPT, NOTE_OOB } from "../constants.ts";
import { DescriptorFilter } from "./descriptors.ts";
import { EPOLLPRI } from "./epoll.ts";
import { fillReport } from "./filter.ts";
import type { Knote } from "./knote.ts";

export class ExceptFilter extends DescriptorFilter {
  override readonly number = EVFILT_EXCEPT;
  protected override readonly mask: number = EPOLLPRI;

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
