import { AssertionError } from "@std/assert";
import { it } from "@std/testing/bdd";
import fc from "fast-check";
import { AMPLE_ROOM, runs } from "./arbitraries.ts";
import { KINDS } from "./channels.ts";
import { Poll } from "./commands.ts";
import { Model } from "./model.ts";
import { System } from "./system.ts";
import { RAW_CALLS } from "../semantics/calls.ts";
import { describeKernels } from "../semantics/kernels.ts";

const RUNS = 5000;
const MAX_COMMANDS = 60;

/** The rules that the model knows. */
const RULES = "R1 R3 R4 R9 R11 R12 R13 R14 R15 R16 R17 R18 R31 R32 R33 R35 " +
  "R36 R38 R60 R61 R100";

describeKernels("Any run of commands", ({ name }) => {
  it(`brings the events that a model of the rules allows: ${RULES}`, () => {
    const numRuns = setting("KQUEUE_MODEL_RUNS") ?? RUNS;
    const seed = setting("KQUEUE_MODEL_SEED") ??
      Math.floor(Math.random() * 2 ** 31);
    let count = 0;
    let failed: System | undefined;
    const calls = fc.constantFrom(...RAW_CALLS);
    const property = fc.property(
      runs(MAX_COMMANDS),
      calls,
      (commands, calls) => {
        using system = new System(calls);
        const model = new Model(KINDS.map((kind) => system.open(kind)));
        try {
          fc.modelRun(() => ({ model, real: system }), commands);
          // What is once reported stays quiet.
          new Poll(AMPLE_ROOM, 2).run(model, system);
        } catch (error) {
          failed = system;
          throw error;
        } finally {
          count += system.trace.length;
        }
      },
    );
    const details = fc.check(property, { seed, numRuns });
    console.log(
      `model over ${name}: ${details.numRuns} runs, ${count} commands, seed ${seed}`,
    );
    // The last run that failed is the shortest one.
    if (failed !== undefined) throw failure(details, failed);
  });
});

type Outcome = Pick<
  fc.RunDetailsCommon<unknown>,
  "errorInstance" | "numRuns" | "numShrinks" | "seed"
>;

function failure(
  { errorInstance, numRuns, numShrinks, seed }: Outcome,
  { trace }: System,
): AssertionError {
  const commands = trace.map((command, index) => `${index + 1}. ${command}`);
  const heading =
    `run ${numRuns} of seed ${seed} fails, after ${numShrinks} shrinks with`;
  return new AssertionError(
    [heading, ...commands, String(errorInstance)].join("\n"),
    { cause: errorInstance },
  );
}

/** A number from the environment, where that may be read and has it. */
function setting(variable: string): number | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const value = state === "granted" ? Deno.env.get(variable) : undefined;
  return value === undefined ? undefined : Number(value);
}
