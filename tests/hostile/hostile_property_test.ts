/**
 * Callers that mean harm do none. `HOSTILE_RUNS` says how many programs are tried, with a dozen deeds each: 1000
 * unless it is set.
 */
import { assertGreater } from "@std/assert";
import fc from "fast-check";
import { it } from "@std/testing/bdd";
import { describeKernels } from "../semantics/kernels.ts";
import { program } from "./callers.ts";
import { World } from "./world.ts";

const RUNS = numberOf("HOSTILE_RUNS") ?? 1000;

describeKernels("any hostile caller", (kernel) => {
  it("gets errors at most, and no list holds more than its capacity", async () => {
    let steps = 0;
    await fc.assert(
      fc.asyncProperty(program, async (deeds) => {
        const world = new World();
        try {
          world.run(deeds);
        } finally {
          steps += world.steps;
          await world.end();
        }
      }),
      { numRuns: RUNS },
    );
    assertGreater(steps, RUNS);
    if (RUNS > 1000) console.log(`${steps} deeds over ${kernel.name}`);
  });
});

function numberOf(variable: string): number | undefined {
  const name = { name: "env", variable } as const;
  if (Deno.permissions.querySync(name).state !== "granted") return undefined;
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}
