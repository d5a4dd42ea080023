/**
 * Reports what happens to one file or directory, whatever names it has, until it is deleted.
 *
 *     deno run --allow-ffi examples/watch_file.ts PATH
 *
 * Write to it, rename it, change its mode, link it, delete it, and see.
 */
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
  [NOTE_DELETE, "deleted"],
];

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

async function watch(path: string): Promise<void> {
  const fd = open(path);
  await using loop = new Loop();
  console.log(`Watching ${path}; deleting it ends this.`);
  for await (const { fflags } of loop.events(kevVnode(fd))) {
    const happened = HAPPENINGS
      .filter(([note]) => (fflags & note) !== 0)
      .map(([, name]) => name);
    console.log(new Date().toISOString(), happened.join(", "));
    if ((fflags & NOTE_DELETE) !== 0) break;
  }
  close(fd);
}
