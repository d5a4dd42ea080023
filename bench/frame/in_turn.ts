/**
 * Rounds in which everybody has a turn, so that what a machine does meanwhile falls on all alike. What counts is CPU
 * time, of a whole process with all its threads, where nothing is waited for: others on the machine do not add to it.
 */
import process from "node:process";
import { median } from "../measure.ts";
import type { Figure } from "./result.ts";

/** Rounds until the compilers of JavaScript have come to rest. */
const WARM_UP = 3;

/** One of those compared: does its work once and gives the value of this round. */
export type Turn = () => number | Promise<number>;

/**
 * Gives each a turn in every round, in an order that changes, after some rounds to warm up.
 *
 * @param turns By name, the first being the measure of the others.
 */
export async function inTurn(
  turns: Readonly<Record<string, Turn>>,
  rounds: number,
): Promise<Figure[]> {
  const names = Object.keys(turns);
  const values = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const value = await turns[name]();
      if (round >= 0) values.get(name)?.push(value);
    }
  }
  return figuresOf(values);
}

/** Medians, and ratios to the first, of values by name and round. */
export function figuresOf(
  values: ReadonlyMap<string, readonly number[]>,
): Figure[] {
  const [base] = values.values();
  return Array.from(values, ([name, own]): Figure => ({
    name,
    value: median(own),
    ratio: own === base
      ? 1
      : median(own.map((value, round) => value / base[round])),
  }));
}

/** CPU time of this process up to now, in nanoseconds. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e3;
}

/** The turn of a function that does its work `count` times: nanoseconds of CPU time for each. */
export function timed(work: (count: number) => void, count: number): Turn {
  return () => {
    const start = cpuTime();
    work(count);
    return (cpuTime() - start) / count;
  };
}
