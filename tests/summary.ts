/** What `deno test` writes, as a line for each file, with every failure in full. */

/** Passes on what a reader wants to see of it: `deno task test` without `--verbose`. */
export class SummaryStream extends TransformStream<string, string> {
  constructor() {
    const summary = new Summary();
    super({
      transform(line, controller) {
        for (const text of summary.lines(line)) controller.enqueue(text);
      },
    });
  }
}

/** Text in whole lines, without their ends. */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(text, controller) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}

const ESCAPES = new RegExp("\u001b\\[[0-9;]*m", "g");
const FILE = /^running \d+ tests? from \.\/(.+)$/;
const STEP = / \.\.\. (ok|FAILED|ignored)(?: \(.*\))?$/;
const END = /^(?:ok|FAILED) \| /;

class Summary {
  #file = "";
  #passed = 0;
  #ignored = 0;
  readonly #reasons = new Map<string, number>();
  /** From the failures on, and where nothing ran, all of it is shown. */
  #isShown = false;

  /** What to show when the runner has written a line. */
  *lines(line: string): Generator<string> {
    const plain = line.replace(ESCAPES, "");
    const file = FILE.exec(plain)?.[1];
    const isEnd = END.test(plain);
    if (file !== undefined || isEnd || plain === " ERRORS ") {
      yield* this.#fileLine();
      this.#file = file ?? "";
    }
    if (isEnd) yield* this.#reasonLines();
    if (plain === " ERRORS " || plain.startsWith("error:")) {
      this.#isShown = true;
    }
    if (this.#isShown || isEnd || plain.startsWith("TS")) yield line;
    else if (file === undefined) yield* this.#step(line, plain);
  }

  *#step(line: string, plain: string): Generator<string> {
    const result = STEP.exec(plain)?.[1];
    if (result === "ok") this.#passed++;
    if (result === "FAILED") yield line;
    if (result !== "ignored") return;
    this.#ignored++;
    const reason = /\(([^()]*(?:\([^()]*\)[^()]*)*)\) \.\.\. ignored/
      .exec(plain)?.[1] ?? "no reason given";
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  *#fileLine(): Generator<string> {
    if (this.#file === "") return;
    const skipped = this.#ignored === 0 ? "" : `, ${this.#ignored} skipped`;
    yield `${this.#file}: ${this.#passed} passed${skipped}`;
    this.#passed = this.#ignored = 0;
  }

  *#reasonLines(): Generator<string> {
    if (this.#reasons.size === 0) return;
    yield "";
    yield "Skipped:";
    for (const [reason, count] of this.#reasons) yield `${count} × ${reason}`;
    yield "";
  }
}
