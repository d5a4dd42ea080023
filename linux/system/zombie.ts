/** What /proc tells of a process that has exited and that its parent has not waited for yet. */
import { captureErrno, CLOEXEC, EINTR, libc, pointerTo } from "./libc.ts";

const FILE_BYTES = 4096;
const LINK_BYTES = 64;
/** From the state, the third, which the program's name in parentheses comes before. */
const EXIT_CODE_FIELD = 52 - 3;

/**
 * The status, as wait(2) has it, of a zombie that is somebody else's child; undefined where the process was reaped, and
 * for who may not know it.
 *
 * @param pidfd Names the process; its number may mean another one as soon as it was reaped.
 */
export function zombieStatus(pidfd: number): number | undefined {
  const pid = pidIn(pidfd);
  if (pid === undefined) return undefined;
  const status = statusIn(readFile(`/proc/${pid}/stat`));
  if (status === undefined) return undefined;
  // To who may not know it the kernel shows 0, which is a status as well.
  if (status === 0 && !mayKnow(pid)) return undefined;
  return pidIn(pidfd) === pid ? status : undefined;
}

/** The process's number as /proc has it, which may be mounted for other numbers than this process sees. */
function pidIn(pidfd: number): string | undefined {
  // "Pid:" is -1 once it was reaped, and 0 where /proc does not have it.
  return /^Pid:\t([1-9]\d*)$/m.exec(readFile(`/proc/self/fdinfo/${pidfd}`))
    ?.[1];
}

function statusIn(stat: string): number | undefined {
  // The program's name may have spaces and parentheses in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).trimEnd().split(" ");
  const code = fields.at(EXIT_CODE_FIELD);
  return fields[0] === "Z" && code !== undefined ? Number(code) : undefined;
}

/** Whether the kernel shows the status: these links have the same condition, PTRACE_MODE_READ_FSCREDS. */
function mayKnow(pid: string): boolean {
  const link = new Uint8Array(LINK_BYTES);
  const path = cString(`/proc/${pid}/ns/user`);
  return libc.readlink(path, link, BigInt(LINK_BYTES)) !== -1;
}

/** A small file's text, empty where it cannot be read. */
function readFile(path: string): string {
  const fd = libc.open(cString(path), CLOEXEC);
  if (fd === -1) return "";
  const bytes = new Uint8Array(new ArrayBuffer(FILE_BYTES));
  const pointer = pointerTo(bytes);
  let count: number;
  do count = Number(libc.read(fd, pointer, BigInt(FILE_BYTES))); while (
    count === -1 && captureErrno() === EINTR
  );
  libc.close(fd);
  return new TextDecoder().decode(bytes.subarray(0, Math.max(count, 0)));
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
