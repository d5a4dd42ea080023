/** What a call writes into its event list: events, and changes with their outcome. */
import { EV_ERROR } from "../constants.ts";
import {
  DATA_WORD,
  EXT_WIDE,
  FFLAGS_WORD,
  FILTER_SHORT,
  FLAGS_SHORT,
  IDENT_WORD,
  KEVENT64_SIZE,
  type RecordMemory,
  UDATA_WORD,
} from "../kevent/memory.ts";
import { type Knote, report } from "./knote.ts";

/** Writes the event that the watcher's filter has put into {@linkcode report}. */
export function storeEvent(
  events: RecordMemory,
  index: number,
  knote: Knote,
): void {
  const { words, shorts, recordWords } = events;
  const word = index * recordWords;
  const short = word * 2;
  words[word + IDENT_WORD] = knote.identLow;
  words[word + IDENT_WORD + 1] = knote.identHigh;
  shorts[short + FILTER_SHORT] = knote.filter.number;
  shorts[short + FLAGS_SHORT] = knote.flags | report.flags; // R16
  words[word + FFLAGS_WORD] = report.fflags;
  words[word + DATA_WORD] = report.dataLow;
  words[word + DATA_WORD + 1] = report.dataHigh;
  words[word + UDATA_WORD] = knote.udataLow;
  words[word + UDATA_WORD + 1] = knote.udataHigh;
  if (events.recordSize === KEVENT64_SIZE) {
    const at = word + EXT_WIDE * 2;
    const { ext } = knote;
    if (ext === null) {
      words[at] =
        words[at + 1] =
        words[at + 2] =
        words[at + 3] =
          0;
    } else {
      for (let half = 0; half < 4; half++) words[at + half] = ext[half];
    }
  }
}

/** Writes a change back as its own failure or receipt (R7). Both lists may be the same memory (R8). */
export function storeOutcome(
  events: RecordMemory,
  index: number,
  changes: RecordMemory,
  from: number,
  flags: number,
  error: number,
): void {
  const size = events.recordWords;
  const source = from * size;
  const target = index * size;
  for (let word = 0; word < size; word++) {
    events.words[target + word] = changes.words[source + word];
  }
  events.shorts[target * 2 + FLAGS_SHORT] = flags | EV_ERROR;
  events.words[target + DATA_WORD] = error;
  events.words[target + DATA_WORD + 1] = 0;
}
