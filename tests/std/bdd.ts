/**
 * The part of `@std/testing/bdd` that the tests use, with its signatures and
 * its meaning, for machines that do not reach JSR: an outermost `describe` is a
 * test of the runner, and what stands in it are the steps of that test.
 *
 * @module
 */

type Options = Omit<Deno.TestDefinition, "name" | "fn">;
type Body = (t: Deno.TestContext) => void | Promise<void>;
type Hook = () => void | Promise<void>;

interface Definition<Fn> extends Options {
  name: string;
  fn: Fn;
}

type Arguments<Fn> =
  | [options: Definition<Fn>]
  | [name: string, fn: Fn]
  | [name: string, options: Options, fn: Fn]
  | [options: Options & { name: string }, fn: Fn];

type Register<Fn> = (...args: Arguments<Fn>) => void;

/** A function that registers a suite or a test, and its forms that choose. */
export interface Registrar<Fn> extends Register<Fn> {
  only: Register<Fn>;
  ignore: Register<Fn>;
  skip: Register<Fn>;
}

interface Test {
  name: string;
  options: Options;
  body: Body;
}

interface Suite {
  name: string;
  options: Options;
  steps: (Suite | Test)[];
  beforeAll: Hook[];
  afterAll: Hook[];
  beforeEach: Hook[];
  afterEach: Hook[];
}

/** The suite whose `describe` is running. */
let current: Suite | undefined;

export const describe: Registrar<() => void> = Object.assign(suites({}), {
  only: suites({ only: true }),
  ignore: suites({ ignore: true }),
  skip: suites({ ignore: true }),
});

export const it: Registrar<Body> = Object.assign(tests({}), {
  only: tests({ only: true }),
  ignore: tests({ ignore: true }),
  skip: tests({ ignore: true }),
});

export { it as test };

export function beforeAll(fn: Hook): void {
  suiteOf("beforeAll").beforeAll.push(fn);
}

export function afterAll(fn: Hook): void {
  suiteOf("afterAll").afterAll.push(fn);
}

export function beforeEach(fn: Hook): void {
  suiteOf("beforeEach").beforeEach.push(fn);
}

export function afterEach(fn: Hook): void {
  suiteOf("afterEach").afterEach.push(fn);
}

export { afterAll as after, beforeAll as before };

function suites(choice: Options): Register<() => unknown> {
  return (...args) => {
    const { name, fn, ...options } = definition(args);
    const suite: Suite = {
      name,
      options: { ...options, ...choice },
      steps: [],
      beforeAll: [],
      afterAll: [],
      beforeEach: [],
      afterEach: [],
    };
    const outer = current;
    current = suite;
    try {
      if (fn() instanceof Promise) {
        throw new TypeError(`Cannot describe "${name}": its body is async`);
      }
    } finally {
      current = outer;
    }
    add(suite);
  };
}

function tests(choice: Options): Register<Body> {
  return (...args) => {
    const { name, fn, ...options } = definition(args);
    add({ name, options: { ...options, ...choice }, body: fn });
  };
}

function definition<Fn>(args: Arguments<Fn>): Definition<Fn> {
  const parts = args.map((part) => {
    if (typeof part === "string") return { name: part };
    return typeof part === "function" ? { fn: part } : part;
  });
  return Object.assign({}, ...parts);
}

function suiteOf(hook: string): Suite {
  if (current) return current;
  throw new Error(`Cannot add ${hook}: it stands outside of a describe`);
}

function add(step: Suite | Test): void {
  if (current) {
    current.steps.push(step);
    return;
  }
  Deno.test({
    ...step.options,
    name: step.name,
    only: holdsOnly(step),
    fn: (t) => run(step, [], t),
  });
}

function run(
  step: Suite | Test,
  outer: Suite[],
  t: Deno.TestContext,
): Promise<void> {
  return "body" in step
    ? runTest(step.body, outer, t)
    : runSuite(step, [...outer, step], t);
}

async function runSuite(
  suite: Suite,
  path: Suite[],
  t: Deno.TestContext,
): Promise<void> {
  for (const hook of suite.beforeAll) await hook();
  try {
    for (const step of chosen(suite.steps)) {
      await t.step({
        ...step.options,
        name: step.name,
        fn: (t) => run(step, path, t),
      });
    }
  } finally {
    for (const hook of suite.afterAll) await hook();
  }
}

/** Hooks run outermost first before a test, and innermost first after it. */
async function runTest(
  body: Body,
  [suite, ...inner]: Suite[],
  t: Deno.TestContext,
): Promise<void> {
  if (!suite) return await body(t);
  for (const hook of suite.beforeEach) await hook();
  try {
    await runTest(body, inner, t);
  } finally {
    for (const hook of suite.afterEach) await hook();
  }
}

function chosen(steps: (Suite | Test)[]): (Suite | Test)[] {
  const only = steps.filter(holdsOnly);
  return only.length > 0 ? only : steps;
}

function holdsOnly(step: Suite | Test): boolean {
  return step.options.only === true ||
    ("steps" in step && step.steps.some(holdsOnly));
}
