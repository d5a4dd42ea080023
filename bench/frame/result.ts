/** What a bench has found out, and how it looks on a terminal. */
import { row } from "../measure.ts";

/** One of those that were compared. */
export interface Figure {
  readonly name: string;
  /** The median over the rounds. */
  readonly value: number;
  /** The median of its share of the first one's value, round by round. */
  readonly ratio: number;
}

/** Several that did the same, the first of them the measure of the others. */
export interface Comparison {
  readonly title: string;
  readonly unit: string;
  /** Which value is better. */
  readonly better: "less" | "more";
  /** Whether it is in the chart and in the README's table; all are printed. */
  readonly isShown: boolean;
  readonly figures: readonly Figure[];
  readonly goals?: readonly Goal[];
}

/** What one of them must reach. */
export interface Goal {
  readonly name: string;
  /** The one whose value it is set against; without one, its own value counts. */
  readonly of?: string;
  /** Whether the difference of the two counts, and not their ratio. */
  readonly isDifference?: boolean;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** All that one bench has found out. */
export interface Result {
  /** Which of the names are this module's. */
  readonly ours: readonly string[];
  readonly comparisons: readonly Comparison[];
  /** Those that were left out, as they are not installed. */
  readonly missing: readonly string[];
}

/** A result, with where it was found. */
export interface Measured extends Result {
  readonly machine: string;
  /** Whether it comes from a quick run, whose figures are rough. */
  readonly isQuick: boolean;
}

/** What is kept of all benches, by name. */
export type Results = Readonly<Record<string, Measured>>;

/** The comparisons as tables, ratios first. */
export function toText({ comparisons, missing }: Omit<Result, "ours">): string {
  const tables = comparisons.map((comparison) => {
    const { title, unit, better, figures } = comparison;
    const lines = figures.map(({ name, value, ratio }) =>
      row(`  ${name}`, `${ratio.toFixed(2)} ×`, digits(value))
    );
    return [
      row(title, better === "more" ? "more: good" : "", unit),
      ...lines,
      ...goalsOf(comparison).map((line) => `  ${line}`),
    ].join("\n");
  });
  const notes = missing.map((name) => `left out, as not installed: ${name}`);
  return [...tables, ...notes].join("\n") + "\n";
}

/** What became of a comparison's goals, a line each. */
export function goalsOf({ figures, goals = [], unit }: Comparison): string[] {
  return goals.map((goal) => {
    const { name, of, isDifference = false, atMost, atLeast } = goal;
    const own = figures.find((figure) => figure.name === name);
    const other = figures.find((figure) => figure.name === of);
    if (own === undefined || (of !== undefined && other === undefined)) {
      return `not measured: ${name} against ${of ?? "its goal"}`;
    }
    const reached = other === undefined
      ? own.value
      : isDifference
      ? own.value - other.value
      : other === figures[0]
      ? own.ratio
      : own.value / other.value;
    const isReached = (atMost === undefined || reached <= atMost) &&
      (atLeast === undefined || reached >= atLeast);
    const wanted = atMost === undefined
      ? `at least ${atLeast}`
      : `at most ${atMost}`;
    const sign = other === undefined || isDifference ? unit : "×";
    const against = of === undefined ? "" : ` against ${of}`;
    return `${isReached ? "reached" : "MISSED"}: ${name}${against} ${
      digits(reached)
    } ${sign}, wanted ${wanted}`;
  });
}

/** A value with as many digits as mean something. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
