/** Commands as one reads them in a failure. */
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { KINDS, sideName } from "./channels.ts";
import type { Place, Target } from "./commands.ts";
import type { Change } from "./watchers.ts";

const FLAGS = {
  EV_ADD,
  EV_DELETE,
  EV_ENABLE,
  EV_DISABLE,
  EV_ONESHOT,
  EV_CLEAR,
  EV_DISPATCH,
};

const COMBINATIONS = ["NOTE_FFNOP", "NOTE_FFAND", "NOTE_FFOR", "NOTE_FFCOPY"];

/** Such as "pipe 0's reader". */
export function endText({ channel, side }: Place): string {
  const kind = KINDS[channel];
  return `${kind} ${channel}'s ${sideName(kind, side)}`;
}

/** Such as "EV_ADD | EV_CLEAR READ of pipe 0's reader, udata 3, NOTE_LOWAT 100". */
export function changeText(
  target: Target,
  { flags, fflags, data, udata }: Omit<Change, "ident" | "filter">,
): string {
  const names = Object.entries(FLAGS).filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name).join(" | ") || "no flags";
  if ("ident" in target) {
    return `${names} USER ${target.ident}, udata ${udata}, ${
      userText(fflags)
    }, data ${data}`;
  }
  const filter = target.filter === EVFILT_READ ? "READ" : "WRITE";
  const mark = (fflags & NOTE_LOWAT) !== 0 ? `, NOTE_LOWAT ${data}` : "";
  return `${names} ${filter} of ${endText(target)}, udata ${udata}${mark}`;
}

function userText(fflags: number): string {
  const how = COMBINATIONS[(fflags & NOTE_FFCTRLMASK) >>> 30];
  const trigger = (fflags & NOTE_TRIGGER) !== 0 ? "NOTE_TRIGGER | " : "";
  return `${trigger}${how} | 0x${(fflags & NOTE_FFLAGSMASK).toString(16)}`;
}
