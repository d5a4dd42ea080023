/**
 * Reports what happens to a file or directory of a given name, until Ctrl-C.
 *
 *     deno run --allow-ffi examples/watch_file.ts PATH
 *
 * Write to it, change its mode, link it, save it in an editor, delete it, make it anew, and see. A watcher follows the
 * file and not the name, so when the name may have gone to another file, as it does where an editor writes a new one and
 * renames it over the old, that one is opened and watched.
 */
import { dirname } from "node:path";
import {
  kevVnode,
  Loop,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
  SystemError,
} from "../mod.ts";
import { close, open } from "../posix.ts";

const HAPPENINGS: [number, string][] = [
  [NOTE_WRITE, "written"],
  [NOTE_EXTEND, "grown"],
  [NOTE_ATTRIB, "attributes changed"],
  [NOTE_LINK, "links changed"],
  [NOTE_RENAME, "renamed"],
  [NOTE_REVOKE, "access revoked"],
  [NOTE_DELETE, "a name deleted"],
];
/** After these the name may be another file's, or nobody's. */
const MAY_HAVE_MOVED = NOTE_DELETE | NOTE_RENAME | NOTE_REVOKE;

const [path] = Deno.args;
if (path === undefined) {
  console.error("Usage: watch_file.ts PATH");
  Deno.exit(2);
}

try {
  await watch(path);
} catch (error) {
  if (!(error instanceof SystemError)) throw error;
  console.error(`Cannot watch ${path}: ${error.message}`);
  Deno.exitCode = 1;
}

async function watch(path: string): Promise<never> {
  await using loop = new Loop();
  let fd: number | null = open(path);
  console.log(`Watching ${path}`);
  for (;;) {
    if (fd === null) {
      report("gone");
      fd = await reappeared(loop, path);
      report("there again");
    }
    await follow(loop, fd);
    close(fd);
    fd = openIfThere(path);
  }
}

/** Reports what happens to an open file, until its name may have moved. */
async function follow(loop: Loop, fd: number): Promise<void> {
  for await (const { fflags } of loop.events(kevVnode(fd))) {
    const happened = HAPPENINGS
      .filter(([note]) => (fflags & note) !== 0)
      .map(([, name]) => name);
    report(happened.join(", "));
    if ((fflags & MAY_HAVE_MOVED) !== 0) return;
  }
}

/** Waits, by watching the directory, until there is a file of that name, and opens it. */
async function reappeared(loop: Loop, path: string): Promise<number> {
  const directory = open(dirname(path));
  try {
    const changes = loop.events(kevVnode(directory, { fflags: NOTE_WRITE }));
    // Looked for again now that the directory is watched: it may have come in between.
    let fd = openIfThere(path);
    while (fd === null) {
      await changes.next();
      fd = openIfThere(path);
    }
    await changes.return?.();
    return fd;
  } finally {
    close(directory);
  }
}

function openIfThere(path: string): number | null {
  try {
    return open(path);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return null;
    throw error;
  }
}

function report(what: string): void {
  console.log(new Date().toISOString(), what);
}
