/** On what a bench has run. */

/** The processor, the system and the runtime, in a line. */
export function machine(): string {
  const { os, arch } = Deno.build;
  return [
    `${processor() ?? arch}, ${navigator.hardwareConcurrency} cores`,
    `${os === "linux" ? "Linux" : os} ${Deno.osRelease()}`,
    `Deno ${Deno.version.deno}`,
  ].join(", ");
}

function processor(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1];
}
