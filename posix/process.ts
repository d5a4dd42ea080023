/** Processes. */
import { constants } from "node:os";
import { SystemError } from "../errors.ts";
import { optionsOf } from "../options.ts";
import { checkBoolean, checkInt, cString, pidOf, wrongType } from "./check.ts";
import { complete, libc } from "./libc.ts";
import { WNOHANG } from "./platform.ts";

const POINTER_SIZE = 8;

/** What {@linkcode spawn} gives a process. */
export interface SpawnOptions {
  /** Its environment: empty unless given. The one of this process is Deno's to give, by `Deno.env.toObject()`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How {@linkcode waitpid} waits. */
export interface WaitOptions {
  /** Whether to return at once if nothing has happened yet. */
  readonly noHang?: boolean;
}

/** A child that has ended, as {@linkcode waitpid} found it. */
export interface WaitStatus {
  /** Which it was. */
  pid: number;
  /** The wait status, as C has it: `status & 0x7f` is the signal that killed it; if that is 0, `status >> 8` its exit code. */
  status: number;
}

const SPAWN_OPTIONS: Required<SpawnOptions> = { env: { PATH: "/bin" } };
const WAIT_OPTIONS: Required<WaitOptions> = { noHang: true };

/**
 * The number of this process.
 *
 * ```ts
 * import { getpid } from "@kqueue/kqueue/posix";
 *
 * console.log(getpid() === Deno.pid); // true
 * ```
 */
export function getpid(): number {
  return libc().symbols.getpid();
}

/**
 * Sends a signal.
 *
 * ```ts
 * import { kill, spawn, waitpid } from "@kqueue/kqueue/posix";
 *
 * const pid = spawn(["sleep", "60"]);
 * kill(pid, "SIGTERM");
 * console.log(waitpid(pid)?.status); // 15
 * ```
 *
 * @param pid A process; 0 and negative numbers are groups, as kill(2) has it.
 * @param signal Its name or number; 0 only asks whether it could be sent.
 * @throws {SystemError} ESRCH where there is no such process, EPERM where one may not, EINVAL for a number that is none.
 */
export function kill(pid: number | bigint, signal: Deno.Signal | number): void {
  const target = pidOf("pid", pid);
  const number = signalNumber(signal);
  complete(
    "kill",
    () => libc().symbols.kill(target, number),
    `signal ${signal} to ${target}`,
  );
}

function signalNumber(signal: Deno.Signal | number): number {
  if (typeof signal === "number") {
    checkInt("signal", signal, 0);
    return signal;
  }
  const numbers: Readonly<Record<string, number>> = constants.signals;
  if (!Object.hasOwn(numbers, signal)) {
    throw wrongType(
      "signal",
      signal,
      'a signal\'s name, such as "SIGTERM", or its number',
    );
  }
  return numbers[signal];
}

/**
 * Starts a program, as a child that {@linkcode waitpid} can wait for. It has this process's standard input, output and
 * error, and no other descriptor of this module's.
 *
 * ```ts
 * import { spawn, waitpid } from "@kqueue/kqueue/posix";
 *
 * const pid = spawn(["sh", "-c", "exit 3"]);
 * const ended = waitpid(pid);
 * console.log(ended && ended.status >> 8); // 3
 * ```
 *
 * @param argv The program, looked up in this process's PATH unless it has a slash in it, and its arguments.
 * @returns The child's pid.
 * @throws {TypeError} without a program, and for what is no string or has a NUL in it.
 * @throws {SystemError} ENOENT where there is no such program; EACCES, E2BIG or EAGAIN, among others.
 */
export function spawn(
  argv: readonly string[],
  options?: SpawnOptions,
): number {
  if (!Array.isArray(argv) || argv.length === 0) {
    throw wrongType(
      "argv",
      argv,
      'a program and its arguments, such as ["ls", "-l"]',
    );
  }
  const { env = {} } = optionsOf(options, SPAWN_OPTIONS);
  const program = cString("argv[0]", argv[0]);
  const args = argv.map((argument, i) => cString(`argv[${i}]`, argument));
  const variables = Object.entries(env).map(([name, value]) =>
    cString(`env.${name}`, `${name}=${value}`)
  );
  const pid = new Int32Array(new ArrayBuffer(4));
  const errno = libc().symbols.posix_spawnp(
    pid,
    program,
    null,
    null,
    pointersTo(args),
    pointersTo(variables),
  );
  if (errno !== 0) {
    throw new SystemError("posix_spawnp", errno, { detail: argv[0] });
  }
  return pid[0];
}

/**
 * Waits until a child ends, and takes its status, which nobody can read again.
 *
 * ```ts
 * import { kill, spawn, waitpid } from "@kqueue/kqueue/posix";
 *
 * const pid = spawn(["sleep", "60"]);
 * console.log(waitpid(pid, { noHang: true })); // null
 * kill(pid, "SIGKILL");
 * const ended = waitpid(pid);
 * console.log(ended && ended.status & 0x7f); // 9, the signal
 * ```
 *
 * @param pid A child, or -1 for any; other numbers are groups, as waitpid(2) has it.
 * @returns Which child it was and how it ended; null with `noHang` where none has ended yet.
 * @throws {SystemError} ECHILD where there is no such child.
 */
export function waitpid(
  pid: number | bigint,
  options?: WaitOptions,
): WaitStatus | null {
  const child = pidOf("pid", pid);
  const { noHang = false } = optionsOf(options, WAIT_OPTIONS);
  checkBoolean("noHang", noHang);
  const status = new Int32Array(new ArrayBuffer(4));
  const flags = noHang ? WNOHANG : 0;
  const ended = complete(
    "waitpid",
    () => libc().symbols.waitpid(child, status, flags),
    `${child}`,
  );
  return ended === 0 ? null : { pid: ended, status: status[0] };
}

/** A NULL-terminated array of pointers to strings, and the strings behind it in the same memory. */
function pointersTo(strings: readonly Uint8Array[]): ArrayBuffer {
  const tableSize = (strings.length + 1) * POINTER_SIZE;
  const size = strings.reduce((sum, { length }) => sum + length, tableSize);
  const memory = new ArrayBuffer(size);
  const bytes = new Uint8Array(memory);
  const table = new BigUint64Array(memory, 0, strings.length + 1);
  const address = libc().symbols.addressNumber(memory, memory, 0n);
  let offset = tableSize;
  for (const [i, string] of strings.entries()) {
    table[i] = address + BigInt(offset);
    bytes.set(string, offset);
    offset += string.length;
  }
  return memory;
}
