/**
 * Builds the C libraries of this folder with `cc`, for Linux: the stand-in for macOS's libSystem,
 * and the one whose calls do nothing.
 *
 * Needs `--allow-run=cc`, `--allow-read` and `--allow-write`. Tests do not import this file: they
 * ask `library.ts` where the runner has built it.
 */

/**
 * Builds the stand-in and returns its path, in a folder of its own under the system's temporary
 * one, which the caller may remove.
 *
 * @throws {Deno.errors.NotSupported} on a system other than Linux
 * @throws {Deno.errors.NotFound} when there is no `cc`
 * @throws {Error} with what the compiler wrote, when it fails
 */
export function buildLibrary(): string {
  return compile("libkqueue.so", [
    "kqueue.c",
    "knote.c",
    "wait.c",
    "filters.c",
    "descriptors.c",
    "hooks.c",
  ]);
}

/** The same for the library with Darwin's table of functions whose kevent and kevent64 return 0 at once. */
export function buildNoopLibrary(): string {
  return compile("libnoop.so", ["noop.c"]);
}

const FLAGS = [
  "-std=c11",
  "-Wall",
  "-Wextra",
  "-O2",
  "-shared",
  "-fPIC",
  "-fvisibility=hidden",
  "-pthread",
];

/** Before glibc 2.34 `dlopen` is in a library of its own. */
const LIBRARIES = ["-Wl,--no-as-needed", "-ldl"];

function compile(name: string, sources: string[]): string {
  if (Deno.build.os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot build ${name}: it is for Linux, not ${Deno.build.os}`,
    );
  }
  const folder = Deno.makeTempDirSync({ prefix: "kqueue-darwin-" });
  const path = `${folder}/${name}`;
  try {
    runCompiler(name, [
      ...FLAGS,
      "-o",
      path,
      ...sources.map((source) => `${import.meta.dirname}/${source}`),
      ...LIBRARIES,
    ]);
  } catch (error) {
    Deno.removeSync(folder, { recursive: true });
    throw error;
  }
  return path;
}

function runCompiler(name: string, args: string[]): void {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command("cc", { args, stdin: "null" }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot build ${name}: there is no C compiler named cc`,
      { cause: error },
    );
  }
  const messages = new TextDecoder().decode(output.stderr).trimEnd();
  if (!output.success) {
    throw new Error(
      `Cannot build ${name}: cc exited with ${output.code}\n${messages}`,
    );
  }
  if (messages !== "") console.warn(messages);
}

if (import.meta.main) {
  console.log(buildLibrary());
}
