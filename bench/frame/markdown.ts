/** What benches have found out, as tables in Markdown. */
import {
  type Comparison,
  digits,
  goalsOf,
  type Measured,
  type Results,
} from "./result.ts";

/** A table for each bench, and what became of the goals. */
export function toMarkdown(results: Results): string {
  const parts = Object.entries(results).map(([name, result]) =>
    `## ${name}\n\n${tablesOf(result)}\n${notesOf(result)}`
  );
  return `# Figures

Made by \`deno task bench\`. Each cell: the ratio to the first column's, as the median of the rounds' ratios, then the value,
as the median of the rounds.

${parts.join("\n")}
## Goals

${goalTable(results)}`;
}

/** A table for all comparisons with the same first name. */
function tablesOf({ comparisons, ours }: Measured): string {
  const groups = Map.groupBy(
    comparisons.filter(({ isShown }) => isShown),
    ({ figures }) => figures[0].name,
  );
  return Array.from(groups.values(), (group) => tableOf(group, ours))
    .join("\n");
}

function tableOf(
  group: readonly Comparison[],
  ours: readonly string[],
): string {
  const names = [
    ...new Set(group.flatMap(({ figures }) => figures.map((f) => f.name))),
  ];
  const heads = names.map((name) => ours.includes(name) ? `**${name}**` : name);
  return [
    line(["", ...heads]),
    line(["---", ...names.map(() => "---:")]),
    ...group.map((comparison) => rowOf(comparison, names)),
  ].join("\n") + "\n";
}

function rowOf(comparison: Comparison, names: readonly string[]): string {
  const { title, unit, better, figures } = comparison;
  const cells = names.map((name) => {
    const figure = figures.find((figure) => figure.name === name);
    if (figure === undefined) return "";
    return `${figure.ratio.toFixed(2)} × · ${digits(figure.value)} ${unit}`;
  });
  return line([
    better === "more" ? `${title} (more is good)` : title,
    ...cells,
  ]);
}

function notesOf({ machine, isQuick, missing }: Measured): string {
  const notes = [`${machine}.${isQuick ? " A quick run: rough figures." : ""}`];
  if (missing.length > 0) {
    notes.push(`Left out, as not installed: ${missing.join(", ")}.`);
  }
  return `\n${notes.join(" ")}\n`;
}

function goalTable(results: Results): string {
  const rows = Object.entries(results).flatMap(([name, { comparisons }]) =>
    comparisons.flatMap((comparison) =>
      goalsOf(comparison).map((goal) => {
        const [outcome, ...rest] = goal.split(": ");
        return line([outcome, `${name}, ${comparison.title}`, rest.join(": ")]);
      })
    )
  );
  return [line(["", "of", "what"]), line(["---", "---", "---"]), ...rows]
    .join("\n") + "\n";
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
