/**
 * Fails on a circle of imports in the module, types included, and on an import against the order of the house:
 * `deno run --allow-run tests/imports.ts`.
 */

import config from "../deno.json" with { type: "json" };

/** Files that stand together: paths, and folders by a slash at the end. */
interface Room {
  readonly files: readonly string[];
  /** The rooms that it stands on, each by its first file. It may import from them and from all that they stand on. */
  readonly on: readonly string[];
}

/** The order of the house, from the ground up. */
const HOUSE: readonly Room[] = [
  {
    files: [
      "constants.ts",
      "errno.ts",
      "inspect.ts",
      "intrinsics.ts",
      "options.ts",
      "runtime.ts",
    ],
    on: [],
  },
  { files: ["kevent.ts", "kevent/"], on: ["constants.ts"] },
  { files: ["errors.ts"], on: ["kevent.ts"] },
  { files: ["library.ts"], on: ["constants.ts"] },
  { files: ["poll.ts"], on: ["library.ts"] },
  { files: ["kernel.ts"], on: ["kevent.ts", "poll.ts"] },
  { files: ["darwin.ts"], on: ["kernel.ts"] },
  { files: ["linux/system/"], on: ["kernel.ts"] },
  {
    files: [
      "linux/knote.ts",
      "linux/change.ts",
      "linux/event.ts",
      "linux/host.ts",
      "linux/ready_list.ts",
    ],
    on: ["linux/system/"],
  },
  { files: ["linux/filters/"], on: ["linux/knote.ts"] },
  { files: ["linux/queue.ts"], on: ["linux/filters/"] },
  { files: ["linux/mod.ts"], on: ["linux/queue.ts", "kernel.ts"] },
  { files: ["ffi.ts"], on: ["linux/mod.ts", "darwin.ts", "errors.ts"] },
  { files: ["kqueue.ts", "kqueue/"], on: ["ffi.ts"] },
  { files: ["loop.ts", "loop/"], on: ["kqueue.ts"] },
  { files: ["mod.ts"], on: ["loop.ts"] },
  { files: ["posix.ts", "posix/"], on: ["ffi.ts"] },
  { files: ["streams.ts", "streams/"], on: ["loop.ts", "posix.ts"] },
];

/** What each file of the module imports from others of it, by paths. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** What is wrong with a module's imports, a sentence each. */
export function findFaults(imports: Imports): string[] {
  return [...findCircles(imports), ...findDisorder(imports)];
}

function findDisorder(imports: Imports): string[] {
  const faults: string[] = [];
  for (const [file, targets] of imports) {
    const room = roomOf(file);
    if (room === undefined) {
      faults.push(`${file} has no place in the house: give it one in HOUSE`);
      continue;
    }
    const below = roomsBelow(room);
    for (const target of targets) {
      const other = roomOf(target);
      if (other === undefined || other === room || below.has(other)) continue;
      faults.push(
        `${file} imports ${target}, but ${room.files[0]} does not stand on ${
          other.files[0]
        }`,
      );
    }
  }
  return faults;
}

function roomOf(file: string): Room | undefined {
  return HOUSE.find(({ files }) =>
    files.some((name) =>
      name.endsWith("/") ? file.startsWith(name) : file === name
    )
  );
}

function roomsBelow({ on }: Room): Set<Room> {
  const rooms = on.map((name) => {
    const room = HOUSE.find(({ files }) => files[0] === name);
    if (room === undefined) throw new Error(`HOUSE has no ${name}`);
    return room;
  });
  return new Set(rooms.flatMap((room) => [room, ...roomsBelow(room)]));
}

/** Follows every import once; one that leads back to where the way came from closes a circle. */
function findCircles(imports: Imports): string[] {
  const circles: string[] = [];
  const seen = new Set<string>();
  const way: string[] = [];

  function follow(file: string): void {
    const start = way.indexOf(file);
    if (start !== -1) {
      circles.push(`a circle: ${[...way.slice(start), file].join(" → ")}`);
    }
    if (seen.has(file)) return;
    seen.add(file);
    way.push(file);
    for (const target of imports.get(file) ?? []) follow(target);
    way.pop();
  }

  for (const file of imports.keys()) follow(file);
  return circles;
}

/** One module of `deno info --json`, as far as it matters here. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

const root = new URL("..", import.meta.url);

/** The imports of everything that the entry points reach. */
function readImports(): Imports {
  const imports = new Map<string, readonly string[]>();
  for (const entry of Object.values(config.exports)) {
    for (const { specifier, dependencies = [] } of readModules(entry)) {
      const file = pathOf(specifier);
      if (file === undefined) continue;
      const targets = dependencies
        .flatMap(({ code, type }) => [code?.specifier, type?.specifier])
        .map(pathOf)
        .filter((target) => target !== undefined);
      imports.set(file, [...new Set(targets)]);
    }
  }
  return imports;
}

function readModules(entry: string): readonly ModuleInfo[] {
  const { success, stdout } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error(`deno info failed for ${entry}`);
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

/** A file's path in the module; undefined for what is not of it. */
function pathOf(specifier: string | undefined): string | undefined {
  return specifier?.startsWith(root.href)
    ? specifier.slice(root.href.length)
    : undefined;
}

if (import.meta.main) {
  const imports = readImports();
  const faults = findFaults(imports);
  for (const fault of faults) console.error(fault);
  if (faults.length === 0) {
    console.log(`Checked the imports of ${imports.size} files`);
  }
  Deno.exit(faults.length > 0 ? 1 : 0);
}
