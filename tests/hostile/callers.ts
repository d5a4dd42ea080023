/**
 * Callers that mean harm: what they do with lists, queues and loops, and what they do meanwhile, in getters, proxies,
 * iterators and subclasses. All of it is data, which fast-check makes and shrinks, and {@linkcode World} carries out.
 */
import fc from "fast-check";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  NOTE_TRIGGER,
} from "../../mod.ts";

/** A change, and the ways in which it is none. */
export interface HostileChange {
  readonly fields: {
    readonly ident: unknown;
    readonly filter: unknown;
    readonly flags: unknown;
    readonly fflags: unknown;
    readonly data: unknown;
    readonly udata: unknown;
  };
  /** How its fields are there to be read. */
  readonly shape: "plain" | "getters" | "proxy" | "instance" | "none";
  /** Which field is read while something else is done. */
  readonly at: string;
  readonly meanwhile: readonly Deed[];
}

/** How changes are given. */
export interface HostileChanges {
  readonly kind: "one" | "array" | "set" | "generator" | "list";
  readonly changes: readonly HostileChange[];
  readonly list: number;
  readonly meanwhile: readonly Deed[];
}

/** One thing that a caller does. */
export type Deed =
  | { readonly kind: "push"; list: number; change: HostileChange }
  | { readonly kind: "set"; list: number; index: number; change: HostileChange }
  | { readonly kind: "clear"; list: number }
  | { readonly kind: "from"; list: number; changes: HostileChanges }
  | { readonly kind: "kqApply"; queue: number; change: HostileChange }
  | { readonly kind: "apply"; queue: number; changes: HostileChanges }
  | {
    readonly kind: "kevent";
    queue: number;
    list: number;
    events: number;
    none: number;
  }
  | { readonly kind: "kqWait"; queue: number; list: number }
  | { readonly kind: "poll"; queue: number }
  | { readonly kind: "trigger"; queue: number; change: HostileChange }
  | { readonly kind: "on"; change: HostileChange }
  | { readonly kind: "cancel" }
  | { readonly kind: "reopen"; queue: number }
  | { readonly kind: "close"; queue: number }
  | { readonly kind: "throw" };

/** What no field holds. */
const NONSENSE = [
  null,
  NaN,
  -1,
  1.5,
  "5",
  {},
  [],
  2n ** 64n,
  2 ** 53,
  Symbol("s"),
  () => 1,
];

const nonsense: fc.Arbitrary<unknown> = fc.constantFrom(...NONSENSE);
const queue = fc.nat({ max: 3 });
const list = fc.nat({ max: 2 });

/** Mostly what fits, for little happens to what is refused. */
function mostly(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { arbitrary, weight: 99 },
    { arbitrary: nonsense, weight: 1 },
  );
}

/** Some that meet others of the same, and some that do not. */
const ident = fc.oneof(
  fc.nat({ max: 4 }),
  fc.nat({ max: 100_000 }),
  fc.bigInt({ min: 0n, max: 2n ** 40n }),
);

const fields = fc.record({
  ident: mostly(ident),
  filter: mostly(fc.oneof(
    { arbitrary: fc.constant(EVFILT_USER), weight: 9 },
    { arbitrary: fc.constantFrom(EVFILT_TIMER, EVFILT_READ), weight: 1 },
  )),
  flags: mostly(fc.oneof(
    {
      arbitrary: fc.constantFrom(
        EV_ADD,
        EV_ADD | EV_CLEAR,
        EV_ADD | EV_ONESHOT,
        EV_ADD | EV_RECEIPT,
      ),
      weight: 9,
    },
    { arbitrary: fc.constantFrom(EV_DELETE, 0), weight: 1 },
  )),
  fflags: mostly(fc.constantFrom(0, 0, NOTE_TRIGGER)),
  data: mostly(fc.oneof(fc.nat({ max: 9 }), fc.bigInt({ min: -9n, max: 9n }))),
  udata: mostly(
    fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  ),
});

/** What can be done without a change. */
const small: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constant("poll" as const), queue }),
  fc.record({ kind: fc.constant("kqWait" as const), queue, list }),
  fc.record({ kind: fc.constant("clear" as const), list }),
  fc.record({ kind: fc.constant("reopen" as const), queue }),
  fc.record({ kind: fc.constant("close" as const), queue }),
  fc.record({ kind: fc.constant("throw" as const) }),
  fc.record({ kind: fc.constant("cancel" as const) }),
  fc.record({
    kind: fc.constant("kevent" as const),
    queue,
    list,
    events: list,
    none: fc.nat({ max: 3 }),
  }),
);

/** What takes a change, in whose getters more is done. */
function large(
  change: fc.Arbitrary<HostileChange>,
  changes: fc.Arbitrary<HostileChanges>,
): fc.Arbitrary<Deed> {
  return fc.oneof(
    fc.record({ kind: fc.constant("push" as const), list, change }),
    fc.record({ kind: fc.constant("set" as const), list, index: list, change }),
    fc.record({ kind: fc.constant("from" as const), list, changes }),
    fc.record({ kind: fc.constant("kqApply" as const), queue, change }),
    fc.record({ kind: fc.constant("apply" as const), queue, changes }),
    fc.record({ kind: fc.constant("trigger" as const), queue, change }),
    fc.record({ kind: fc.constant("on" as const), change }),
  );
}

const { deed } = fc.letrec<{
  deed: Deed;
  deeds: Deed[];
  change: HostileChange;
  changes: HostileChanges;
}>((tie) => ({
  deeds: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { arbitrary: fc.constant<Deed[]>([]), weight: 1 },
    {
      arbitrary: fc.array(tie("deed"), { minLength: 1, maxLength: 3 }),
      weight: 3,
    },
  ),
  change: fc.record({
    fields,
    shape: fc.constantFrom(
      ...["getters", "getters", "getters", "proxy", "proxy"] as const,
      ...["instance", "instance", "plain", "plain", "none"] as const,
    ),
    at: fc.constantFrom("ident", "filter", "flags", "fflags", "data", "udata"),
    meanwhile: tie("deeds"),
  }),
  changes: fc.record({
    kind: fc.constantFrom("one", "array", "set", "generator", "list"),
    changes: fc.array(tie("change"), { minLength: 1, maxLength: 3 }),
    list,
    meanwhile: tie("deeds"),
  }),
  deed: fc.oneof(
    { arbitrary: small, weight: 1 },
    { arbitrary: large(tie("change"), tie("changes")), weight: 3 },
  ),
}));

/** What a caller does, one after the other. */
export const program: fc.Arbitrary<Deed[]> = fc.array(deed, {
  minLength: 1,
  maxLength: 12,
});
