/** Times alternatives in turn, so that what a machine does meanwhile falls on all of them alike. */

/** One alternative: does its work `count` times. */
export type Work = (count: number) => void;

/** What each alternative took. */
export interface Figures {
  /** Nanoseconds per repetition, at the median of the rounds. */
  readonly median: number;
  /** The median of this alternative's share of the first one's time, round by round. */
  readonly ratio: number;
}

/**
 * Runs every alternative in each of `rounds`, in an order that changes, after one round to warm up.
 *
 * @param count Repetitions in a round.
 */
export function compare<Name extends string>(
  works: Record<Name, Work>,
  count: number,
  rounds = 41,
): Record<Name, Figures> {
  const names = Object.keys(works) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const start = performance.now();
      works[name](count);
      const time = (performance.now() - start) * 1e6 / count;
      if (round >= 0) times.get(name)?.push(time);
    }
  }
  const base = times.get(names[0]) ?? [];
  const figures = {} as Record<Name, Figures>;
  for (const name of names) {
    const own = times.get(name) ?? [];
    figures[name] = {
      median: median(own),
      ratio: median(own.map((time, round) => time / base[round])),
    };
  }
  return figures;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which a share of all lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** A line of figures under a heading's columns. */
export function row(name: string, ...cells: (string | number)[]): string {
  return name.padEnd(46) + cells.map((cell) => `${cell}`.padStart(12)).join("");
}
