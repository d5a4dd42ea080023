/** What a bench has found out, as a chart that is legible on a light page and on a dark one. */
import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";
import { type Comparison, digits, type Measured } from "./result.ts";

const WIDTH = 760;
const ROW = 22;
const MARGIN = { top: 38, right: 130, bottom: 34, left: 222 };

/** The chart brings its own ground with it, as a picture on a page does not learn which ground the page has. */
const STYLE = `
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --ours: #0b7285; --theirs: #adb5bd; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --ours: #3bc9db; --theirs: #57606a; }
}
svg { color: var(--ink); font-family: system-ui, sans-serif; font-size: 13px; }`;

/** Keeps the dashed line out of the letters. */
const HALO = { stroke: "var(--ground)", strokeWidth: 5 } as const;

/** A bar, or the heading of those that follow. */
interface Bar {
  readonly key: string;
  readonly name: string;
  readonly ratio: number;
  readonly label: string;
  readonly isOurs: boolean;
}

interface Heading {
  readonly key: string;
  readonly title: string;
}

/** The shown comparisons of a bench, as bars of ratios: the text of an SVG file. */
export function toChart(measured: Measured): string {
  const { comparisons, ours } = measured;
  const shown = comparisons.filter(({ isShown, figures }) =>
    isShown && figures.length > 1
  );
  const headings = shown.map(({ title }): Heading => ({ key: title, title }));
  const bars = shown.flatMap((comparison) => barsOf(comparison, ours));
  const names = new Map(bars.map(({ key, name }) => [key, name]));
  const keys = shown.flatMap((comparison) => [
    comparison.title,
    ...barsOf(comparison, ours).map(({ key }) => key),
  ]);
  const height = MARGIN.top + MARGIN.bottom + keys.length * ROW;
  const document = new DOMParser()
    .parseFromString("<html></html>", "text/html");
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    x: { axis: null, zero: true },
    y: {
      domain: keys,
      label: null,
      tickSize: 0,
      tickFormat: (key: string) => names.get(key) ?? "",
      padding: 0.24,
    },
    color: { type: "identity" },
    marks: [
      Plot.ruleX([1], { stroke: "var(--soft)", strokeDasharray: "3 3" }),
      Plot.barX(bars, {
        x: "ratio",
        y: "key",
        fill: ({ isOurs }: Bar) => isOurs ? "var(--ours)" : "var(--theirs)",
        rx: 2,
      }),
      Plot.text(bars, {
        x: "ratio",
        y: "key",
        text: "label",
        textAnchor: "start",
        dx: 6,
        fill: "var(--ink)",
        ...HALO,
      }),
      Plot.text(headings, {
        y: "key",
        text: "title",
        frameAnchor: "left",
        textAnchor: "start",
        dx: 16 - MARGIN.left,
        dy: 3,
        fontWeight: "bold",
        fill: "var(--ink)",
        ...HALO,
      }),
      Plot.text([legendOf(shown)], {
        frameAnchor: "top-left",
        dx: 16 - MARGIN.left,
        dy: 16 - MARGIN.top,
        fill: "var(--soft)",
      }),
      Plot.text([sourceOf(measured)], {
        frameAnchor: "bottom-left",
        dx: 16 - MARGIN.left,
        dy: MARGIN.bottom - 12,
        fontSize: 11,
        fill: "var(--soft)",
      }),
    ],
  });
  return finish(svg.outerHTML, height);
}

function barsOf(
  { title, unit, figures }: Comparison,
  ours: readonly string[],
): Bar[] {
  return figures.map(({ name, ratio, value }) => ({
    key: `${title}\n${name}`,
    name,
    ratio,
    label: `${ratio.toFixed(2)} ×  ${digits(value)} ${unit}`,
    isOurs: ours.includes(name),
  }));
}

function sourceOf({ machine, isQuick }: Measured): string {
  return isQuick ? `${machine}. A quick run: rough figures` : machine;
}

function legendOf([first]: readonly Comparison[]): string {
  const isTime = first.better === "less";
  return `${
    isTime ? "Shorter" : "Longer"
  } is better. The first of each is 1 (the dashed line).`;
}

/** Makes a file of its own of an element: with its namespace, its style and its ground. */
function finish(svg: string, height: number): string {
  const ground = `<rect width="${WIDTH}" height="${height}" rx="8" ` +
    `fill="var(--ground)" stroke="var(--line)"/>`;
  return svg
    .replace("<svg", `<svg xmlns="http://www.w3.org/2000/svg"`)
    .replace(">", `><style>${STYLE}</style>${ground}`) + "\n";
}
