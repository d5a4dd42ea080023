/**
 * 100,000 timers: set, let fire, cancelled. `Kqueue` beside setTimeout in Deno and in Node, each a program of its own.
 *
 * `deno task bench timers`
 */
import { full, publish } from "./frame/bench.ts";
import { inTurn } from "./frame/in_turn.ts";
import { Peer, succeeds } from "./frame/peers.ts";
import type { Comparison } from "./frame/result.ts";

const FOLDER = `${import.meta.dirname}/timers`;
const ROUNDS = full(7, 3);
const TIMERS = 100_000;
const KQUEUE = "Kqueue";
const BATCH = "Kqueue, all in one apply";

const deno = [Deno.execPath(), "run", "--allow-ffi"];
const hasNode = succeeds(["node", "--version"]);

/** The commands by name; the first is the measure of the others. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "setTimeout, Deno": [...deno, `${FOLDER}/timeouts.mjs`],
  ...(hasNode && { "setTimeout, Node": ["node", `${FOLDER}/timeouts.mjs`] }),
  [KQUEUE]: [...deno, `${FOLDER}/kqueue.ts`, "single"],
  [BATCH]: [...deno, `${FOLDER}/kqueue.ts`, "batch"],
};

const TITLES = {
  set: "100,000 timers set: CPU time per timer",
  fire: "100,000 timers fired: CPU time per timer",
  cancel: "100,000 timers cancelled: CPU time per timer",
} as const;

const comparisons: Comparison[] = [];
for (const work of ["set", "fire", "cancel"] as const) {
  comparisons.push(await compare(work));
}
publish({
  ours: [KQUEUE, BATCH],
  comparisons,
  missing: hasNode ? [] : ["node"],
});

async function compare(work: keyof typeof TITLES): Promise<Comparison> {
  const peers = Object.entries(COMMANDS).map(([name, command]) =>
    [name, new Peer([...command, work])] as const
  );
  try {
    const turns = peers.map(([name, peer]) => [name, peer.turn(TIMERS)]);
    return {
      title: TITLES[work],
      unit: "ns",
      better: "less",
      isShown: true,
      figures: await inTurn(Object.fromEntries(turns), ROUNDS),
    };
  } finally {
    await Promise.all(peers.map(([, peer]) => peer.end()));
  }
}
