import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { DARWIN_LIBRARY } from "../../library.ts";

const MOD = JSON.stringify(import.meta.resolve("../../mod.ts"));
const POSIX = JSON.stringify(import.meta.resolve("../../posix.ts"));

/** Where distributions keep musl. */
const MUSL = [
  `/lib/libc.musl-${Deno.build.arch}.so.1`,
  `/lib/ld-musl-${Deno.build.arch}.so.1`,
];
/** Where distributions keep the C library, of which a program may be given one. */
const LINUX_LIBRARIES = Deno.build.target.endsWith("musl") ? MUSL : [
  `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
  `/usr/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
  "/lib64/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
];

const PACKING = `
  const list = KeventList.from([kevRead(3, { udata: 2n ** 64n - 1n })]);
  const wide = Kevent64List.from(list);
  console.log(wide.at(0).udata, Timespec.fromMilliseconds(1.5).nsec);`;
const PACKED = "18446744073709551615n 1500000n\n";

const WAITING = `
  import { kevTimer, Kqueue } from ${MOD};
  using kq = new Kqueue();
  kq.apply(kevTimer(1, 1, { udata: 42 }));
  console.log(kq.wait(60_000).udataNumber(0));`;

const mayRun = granted({ name: "run" });
const mayRead = granted({ name: "read" });

describe("without any permission", () => {
  test("importing, packing and unpacking work", mayRun, async () => {
    const { output, errors } = await run([], [
      `import { Kevent64List, KeventList, kevRead, Timespec } from ${MOD};`,
      PACKING,
    ]);
    assertEquals([output, errors], [PACKED, ""]);
  });

  for (const [name, path] of Object.entries(config.exports)) {
    test(`importing the entry point ${name} works`, mayRun, async () => {
      const url = JSON.stringify(import.meta.resolve(`../../${path}`));
      const { output, errors } = await run([], [
        `import * as entry from ${url};`,
        `console.log(Object.keys(entry).length > 0);`,
      ]);
      assertEquals([output, errors], ["true\n", ""]);
    });
  }

  test("each call throws Deno's own NotCapable", mayRun, async () => {
    const { output } = await run([], [
      `import { close, errno, kevRead, kqApply, Kqueue, kqueue } from ${MOD};`,
      `const uses = [kqueue, kqueue, errno, () => close(99), () => new Kqueue(),`,
      `  () => Kqueue.fromFd(99), () => kqApply(99, kevRead(0))];`,
      `for (const use of uses) {`,
      `  try {`,
      `    use();`,
      `    console.log("no error");`,
      `  } catch (error) {`,
      `    console.log(error instanceof Deno.errors.NotCapable, error.message);`,
      `  }`,
      `}`,
    ]);
    const lines = output.trimEnd().split("\n");
    assertEquals(lines.length, 7);
    for (const line of lines) {
      assert(line.startsWith("true Requires ffi access"), line);
      assertStringIncludes(line, "--allow-ffi");
    }
  });
});

describe("with --allow-ffi", () => {
  test("a queue works", mayRun, async () => {
    const { output, errors } = await run(["--allow-ffi"], [WAITING]);
    assertEquals([output, errors], ["42\n", ""]);
  });

  const onDarwin = `of ${DARWIN_LIBRARY} a queue works`;
  test(onDarwin, on("darwin") ?? mayRun, async () => {
    const { output, errors } = await run([`--allow-ffi=${DARWIN_LIBRARY}`], [
      WAITING,
    ]);
    assertEquals([output, errors], ["42\n", ""]);
  });

  const onLinux = "of one path of the C library a queue works";
  test(onLinux, on("linux") ?? mayRead ?? mayRun, async () => {
    const path = LINUX_LIBRARIES.find(exists);
    assert(path !== undefined, "the C library is at none of its usual places");
    const { output, errors } = await run([`--allow-ffi=${path}`], [WAITING]);
    assertEquals([output, errors], ["42\n", ""]);
  });

  const onGlibc = "of musl alone a Deno on glibc throws NotCapable";
  const isMusl = Deno.build.target.endsWith("musl");
  test(
    onGlibc,
    on("linux") ?? (isMusl ? "this is musl" : mayRun),
    async () => {
      for (const path of MUSL) {
        const { errors, success } = await run([`--allow-ffi=${path}`], [
          WAITING,
        ]);
        assertEquals(success, false);
        assertStringIncludes(errors, "NotCapable: Requires ffi access");
      }
    },
  );

  test("of another library it throws NotCapable", mayRun, async () => {
    const { errors, success } = await run(["--allow-ffi=/nowhere/libnone.so"], [
      WAITING,
    ]);
    assertEquals(success, false);
    assertStringIncludes(errors, "NotCapable: Requires ffi access");
  });
});

describe("where there is no Deno, as in Node and Bun", () => {
  const without = "delete globalThis.Deno;";

  test("importing and packing work", mayRun, async () => {
    const { output, errors } = await run([], [
      without,
      `const { Kevent64List, KeventList, kevRead, Timespec } =`,
      `  await import(${MOD});`,
      `await import(${POSIX});`,
      PACKING,
    ]);
    assertEquals([output, errors], [PACKED, ""]);
  });

  test("each call says that it needs Deno", mayRun, async () => {
    const { output } = await run([], [
      without,
      `const { errno, Kqueue, kqueue, Loop, openLibc } = await import(${MOD});`,
      `const { pipe } = await import(${POSIX});`,
      `const uses = [kqueue, errno, () => new Kqueue(), () => new Loop(),`,
      `  () => openLibc("x"), pipe];`,
      `for (const use of uses) {`,
      `  try {`,
      `    use();`,
      `    console.log("no error");`,
      `  } catch (error) {`,
      `    console.log(String(error));`,
      `  }`,
      `}`,
    ]);
    const line = "Error: A kernel queue needs Deno, whose Deno.dlopen its " +
      "calls go through; constants and packing work without\n";
    assertEquals(output, line.repeat(6));
  });
});

describe("on a system that is neither macOS nor Linux", () => {
  const unlike = (os: string) =>
    `Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "${os}" } });`;

  for (const os of ["freebsd", "windows"]) {
    test(`importing and packing work on ${os}`, mayRun, async () => {
      const { output, errors } = await run([], [
        unlike(os),
        `const { Kevent64List, KeventList, kevRead, Timespec } =`,
        `  await import(${MOD});`,
        PACKING,
      ]);
      assertEquals([output, errors], [PACKED, ""]);
    });

    test(
      `each call throws NotSupported on ${os}, naming it`,
      mayRun,
      async () => {
        const { output } = await run(["--allow-ffi"], [
          unlike(os),
          `const { errno, Kqueue, kqueue } = await import(${MOD});`,
          `for (const use of [kqueue, kqueue, errno, () => new Kqueue()]) {`,
          `  try {`,
          `    use();`,
          `    console.log("no error");`,
          `  } catch (error) {`,
          `    console.log(error instanceof Deno.errors.NotSupported, error.message);`,
          `  }`,
          `}`,
        ]);
        const line =
          `true A kernel queue needs macOS or Linux, and this is ${os}\n`;
        assertEquals(output, line.repeat(4));
      },
    );
  }
});

/** Registers a test, skipped where there is a reason to. */
function test(
  name: string,
  reason: string | undefined,
  body: () => Promise<void>,
): void {
  if (reason === undefined) it(name, body);
  else it.skip(`${name} (${reason})`, body);
}

/** Runs a program of its own, which is asked nothing. */
async function run(
  flags: string[],
  lines: string[],
): Promise<{ success: boolean; output: string; errors: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", "--quiet", ...flags, "-"],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n")));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    success,
    output: decoder.decode(stdout),
    errors: decoder.decode(stderr),
  };
}

/** Why a test cannot run, where it lacks a permission. */
function granted(
  descriptor: Deno.RunPermissionDescriptor | Deno.ReadPermissionDescriptor,
): string | undefined {
  const { state } = Deno.permissions.querySync(descriptor);
  return state === "granted" ? undefined : `needs --allow-${descriptor.name}`;
}

/** Why a test cannot run, where it is for another system. */
function on(os: typeof Deno.build.os): string | undefined {
  return Deno.build.os === os ? undefined : `${os} only`;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
