/** A peer's side of the frame, in TypeScript: a line with a count comes in, a line with nanoseconds goes out. */
import { cpuTime } from "./in_turn.ts";

/** Takes turns until there is no more input. */
export function serve(work: (count: number) => void): void {
  for (let count = nextCount(); count > 0; count = nextCount()) {
    const start = cpuTime();
    work(count);
    answer(cpuTime() - start);
  }
}

/** The next turn's count; 0 when the input has ended. */
export function nextCount(): number {
  const bytes = new Uint8Array(32);
  const length = Deno.stdin.readSync(bytes) ?? 0;
  return Number(new TextDecoder().decode(bytes.subarray(0, length)));
}

/** Answers a turn. */
export function answer(nanoseconds: number): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${nanoseconds}\n`));
}
