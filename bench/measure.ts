/** Figures of many rounds, and how they are printed. */

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
