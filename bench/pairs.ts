/**
 * Socketpairs, some of them active beside others that only are watched: a write to each active one, a wait, and a read
 * of each that is ready. Each peer is a program of its own.
 *
 * With "data not wanted" nobody asks how many bytes there are, as nobody does over bare epoll: NOTE_LOWAT of 1.
 *
 * `deno task bench pairs`
 */
import { full, publish } from "./frame/bench.ts";
import { inTurn } from "./frame/in_turn.ts";
import { buildC, Peer, pkgConfig, succeeds } from "./frame/peers.ts";
import type { Comparison } from "./frame/result.ts";

const FOLDER = `${import.meta.dirname}/pairs`;
const ROUNDS = full(15, 5);
/** Events of one turn. */
const EVENTS = 50_000;
const FLOOR = "bare epoll, C";
const KQUEUE = "Kqueue";
const LOWAT = "Kqueue, data not wanted";

const epoll = buildC(`${FOLDER}/epoll.c`);
const flags = pkgConfig("libkqueue");
const libkqueue = flags && buildC(`${FOLDER}/libkqueue.c`, flags);
const deno = [Deno.execPath(), "run", "--allow-ffi"];

/** The commands by name; undefined for what is not installed. */
const COMMANDS: Readonly<Record<string, readonly string[] | undefined>> = {
  [FLOOR]: epoll === undefined ? undefined : [epoll],
  [KQUEUE]: [...deno, `${FOLDER}/kqueue.ts`],
  [LOWAT]: [...deno, `${FOLDER}/kqueue.ts`, "--lowat"],
  "libkqueue, C": libkqueue === undefined ? undefined : [libkqueue],
  "select.epoll, Python": installed("python3", `${FOLDER}/epoll.py`),
  "net, Node": installed("node", `${FOLDER}/net.mjs`),
};

const comparisons: Comparison[] = [];
for (const idle of full([10, 9000], [9000])) {
  for (const active of [1, 64, 512]) {
    comparisons.push(await compare(active, idle));
  }
}
publish({
  ours: [KQUEUE, LOWAT],
  comparisons,
  missing: Object.keys(COMMANDS).filter((name) => COMMANDS[name] === undefined),
});

function installed(
  program: string,
  script: string,
): readonly string[] | undefined {
  return succeeds([program, "--version"]) ? [program, script] : undefined;
}

async function compare(active: number, idle: number): Promise<Comparison> {
  const repetitions = Math.ceil(EVENTS / active);
  const peers = Object.entries(COMMANDS).flatMap(([name, command]) =>
    command === undefined
      ? []
      : [{ name, peer: new Peer([...command, `${active}`, `${idle}`]) }]
  );
  try {
    const turns = peers.map(({ name, peer }) => {
      const turn = peer.turn(repetitions);
      return [name, async () => await turn() / active] as const;
    });
    const figures = await inTurn(Object.fromEntries(turns), ROUNDS);
    return {
      title: `${active} active, ${idle.toLocaleString("en")} idle: ` +
        "CPU time to write, wait and read",
      unit: "ns",
      better: "less",
      isShown: idle === 9000,
      figures,
    };
  } finally {
    await Promise.all(peers.map(({ peer }) => peer.end()));
  }
}
