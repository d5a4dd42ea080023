/** Any command that a run may have. */
import fc from "fast-check";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFNOP,
  NOTE_FFOR,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { KINDS, type Side } from "./channels.ts";
import {
  Apply,
  Close,
  Fill,
  type Place,
  Poll,
  Read,
  Reopen,
  Replace,
  type Target,
  Write,
} from "./commands.ts";
import type { Model } from "./model.ts";
import type { System } from "./system.ts";

/** More than there can be watchers. */
export const AMPLE_ROOM = 16;

const MAX_U64 = 2n ** 64n - 1n;

const PLACES: Place[] = KINDS.flatMap((_, channel) =>
  ([0, 1] satisfies Side[]).map((side) => ({ channel, side }))
);
const WRITERS = PLACES.filter(({ channel, side }) =>
  KINDS[channel] === "socketpair" || side === 1
);
const READERS = PLACES.filter(({ channel, side }) =>
  KINDS[channel] === "socketpair" || side === 0
);

/** READ at both ends of pipes (R36). WRITE at a pipe's read end is left to the semantics tests. */
const END_TARGETS = [
  ...PLACES.map((place) => ({ ...place, filter: EVFILT_READ })),
  ...WRITERS.map((place) => ({ ...place, filter: EVFILT_WRITE })),
];
const USER_TARGETS: Target[] = [1n, MAX_U64].map((ident) => ({
  filter: EVFILT_USER,
  ident,
}));

/** Most often one of the first two channels: what happens to fewer of them, happens to one more often at a time. */
function oneOf<P extends Place>(places: readonly P[]): fc.Arbitrary<P> {
  const usual = places.filter(({ channel }) => channel < 2);
  return fc.oneof(
    { arbitrary: fc.constantFrom(...usual), weight: 4 },
    { arbitrary: fc.constantFrom(...places), weight: 1 },
  );
}

const place = oneOf(PLACES);
const channel = fc.nat(KINDS.length - 1);

/** All bits of 64, but most often few of them, which reads better. */
const udata = fc.oneof(
  { arbitrary: fc.bigInt({ min: 0n, max: 9n }), weight: 4 },
  { arbitrary: fc.bigInt({ min: 0n, max: MAX_U64 }), weight: 1 },
);

/** Bytes to write. Most often so coarse a number that sums of them meet marks. */
const count = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 8 }).map((n) => n * 64), weight: 3 },
  { arbitrary: fc.integer({ min: 64, max: 512 }), weight: 1 },
);

/** A READ's mark, or none. */
const mark = fc.oneof(
  { arbitrary: fc.constant({ fflags: 0, data: 0n }), weight: 3 },
  {
    arbitrary: fc.oneof(count, fc.constantFrom(0, 1, 1024)).map((data) => ({
      fflags: NOTE_LOWAT,
      data: BigInt(data),
    })),
    weight: 2,
  },
);

/** What a user event takes: how bits are combined, the bits, whether it fires. */
const userFields = fc.record({
  how: fc.constantFrom(NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY),
  bits: fc.oneof(fc.nat(0xf), fc.nat(0xff_ffff)),
  isTriggered: fc.boolean(),
  data: fc.oneof(
    fc.bigInt({ min: -9n, max: 9n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ),
}).map(({ how, bits, isTriggered, data }) => ({
  fflags: (how | bits | (isTriggered ? NOTE_TRIGGER : 0)) >>> 0,
  data,
}));

function anyOf(...flags: number[]): fc.Arbitrary<number> {
  return fc.subarray(flags).map((chosen) =>
    chosen.reduce((all, flag) => all | flag, 0)
  );
}

const modes = anyOf(EV_CLEAR, EV_ONESHOT, EV_DISPATCH);

/** The flags of a change. Which of them matter is for the queue to know (R1, R3, R4). */
const flags = fc.oneof(
  // A new watcher. Where there is one already, its mode stays.
  { arbitrary: modes.map((mode) => EV_ADD | mode), weight: 6 },
  { arbitrary: modes.map((mode) => EV_ADD | EV_DISABLE | mode), weight: 1 },
  { arbitrary: fc.constantFrom(EV_ENABLE, EV_ADD | EV_ENABLE), weight: 3 },
  { arbitrary: fc.constantFrom(EV_DISABLE, EV_DELETE, 0), weight: 3 },
  { arbitrary: anyOf(EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE), weight: 1 },
);

const apply = fc.oneof(
  {
    arbitrary: fc.tuple(oneOf(END_TARGETS), flags, mark, udata),
    weight: 5,
  },
  {
    arbitrary: fc.tuple(
      fc.constantFrom(...USER_TARGETS),
      flags,
      userFields,
      udata,
    ),
    weight: 2,
  },
).map(([target, flags, fields, udata]) => {
  const takesFields = target.filter !== EVFILT_WRITE;
  const { fflags, data } = takesFields ? fields : { fflags: 0, data: 0n };
  return new Apply(target, { flags, fflags, data, udata });
});

const write = fc.tuple(oneOf(WRITERS), count)
  .map((args) => new Write(...args));

const read = fc.tuple(
  oneOf(READERS),
  fc.oneof(count, fc.constantFrom(1, Infinity)),
).map((args) => new Read(...args));

const fill = oneOf(WRITERS).map((place) => new Fill(place));

const close = fc.tuple(place, fc.boolean()).map((args) => new Close(...args));

const reopen = fc.tuple(channel, fc.boolean()).map((args) =>
  new Reopen(...args)
);

const replace = place.map((place) => new Replace(place));

const room = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(AMPLE_ROOM));

const poll = fc.tuple(
  room,
  fc.oneof(
    { arbitrary: fc.constant(1), weight: 3 },
    { arbitrary: fc.integer({ min: 2, max: 6 }), weight: 1 },
  ),
).map((args) => new Poll(...args));

const command = fc.oneof<fc.WeightedArbitrary<fc.Command<Model, System>>[]>(
  { arbitrary: apply, weight: 12 },
  { arbitrary: poll, weight: 12 },
  { arbitrary: write, weight: 6 },
  { arbitrary: read, weight: 4 },
  { arbitrary: fill, weight: 1 },
  { arbitrary: close, weight: 2 },
  { arbitrary: reopen, weight: 1 },
  { arbitrary: replace, weight: 1 },
);

/** Any run of up to so many commands. */
export function runs(
  maxCommands: number,
): fc.Arbitrary<Iterable<fc.Command<Model, System>>> {
  return fc.commands<Model, System>([command], { maxCommands, size: "max" });
}
