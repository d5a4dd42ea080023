/** What statx(2) tells of an open file. */
import { ARCH } from "../../runtime.ts";
import { captureErrno, EBADF, libc, scratch } from "./libc.ts";

const SYS_statx = ARCH === "aarch64" ? 291n : 332n;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_FDCWD = -100;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MASK = STATX_BASIC_STATS | STATX_BTIME;
const TWO_32 = 2 ** 32;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFLNK = 0o120000;
const S_IFIFO = 0o010000;
/** The file system of the pipes that have no name. */
const PIPEFS_MAGIC = 0x50495045;
/** What the kernel puts behind the path of a file that has lost it. */
const DELETED = " (deleted)";
const PATH_BYTES = 4096 + DELETED.length;

/** A file as it was at one time. */
export interface FileStat {
  /** Device and inode: which file it is. */
  readonly device: number;
  readonly inode: number;
  readonly mode: number;
  readonly owner: number;
  readonly group: number;
  readonly links: number;
  readonly size: number;
  /** When its content was changed last, in seconds. */
  readonly modified: number;
  /** When anything of it was changed last, and when it was made, if that is known. */
  readonly changed: Time;
  readonly born: Time | undefined;
}

/** A time to the nanosecond, since 1970. */
interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** The state of an open file, or the errno: EBADF for a number that is not open, others where the kernel refuses. */
export function statOf(fd: number): FileStat | number {
  const { words, pointer, emptyPath } = scratch;
  const failed = libc.statx(
    SYS_statx,
    fd,
    emptyPath,
    AT_EMPTY_PATH,
    STATX_MASK,
    pointer,
  );
  return Number(failed) === -1 ? captureErrno() : readStat(words);
}

/** A struct statx. */
function readStat(words: Int32Array): FileStat {
  const isBirthKnown = (words[0] & STATX_BTIME) !== 0;
  return {
    links: words[4],
    owner: words[5],
    group: words[6],
    mode: words[7] & 0xffff,
    inode: wide(words, 8),
    size: wide(words, 10),
    modified: wide(words, 28) + words[30] / 1e9,
    changed: { seconds: wide(words, 24), nanoseconds: words[26] },
    born: isBirthKnown
      ? { seconds: wide(words, 20), nanoseconds: words[22] }
      : undefined,
    device: words[34] * TWO_32 + words[35],
  };
}

/**
 * The state of a file that was open when `before` was its state; undefined where the number was closed, or names another
 * file now (R9). Where the kernel refuses to tell, nothing has changed.
 */
export function statAgain(fd: number, before: FileStat): FileStat | undefined {
  const now = statOf(fd);
  if (typeof now === "number") return now === EBADF ? undefined : before;
  return isSameFile(now, before) ? now : undefined;
}

function isSameFile(one: FileStat, other: FileStat): boolean {
  return one.inode === other.inode && one.device === other.device;
}

export function isDirectory({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export function isRegular({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

/** Whether it is a file that has, or had, a name: no pipe, socket or anonymous inode. */
export function isVnode(fd: number, { mode }: FileStat): boolean {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFLNK:
      return true;
    case S_IFIFO:
      return libc.fstatfs(fd, scratch.pointer) === 0 &&
        scratch.words[0] !== PIPEFS_MAGIC;
    default:
      return false;
  }
}

/**
 * Whether another file has taken the name by which a file was opened, by a rename over it. It is older than the loss of
 * the name then, where one that was made afterwards is not.
 *
 * @param lost The state of the file that is open, since it has lost the name.
 */
export function isReplaced(fd: number, lost: FileStat): boolean {
  const path = lostPath(fd);
  if (path === undefined) return false;
  const { words, pointer } = scratch;
  const failed = libc.statxPath(
    SYS_statx,
    AT_FDCWD,
    path,
    AT_SYMLINK_NOFOLLOW,
    STATX_MASK,
    pointer,
  );
  if (Number(failed) === -1) return false;
  const { born } = readStat(words);
  return born !== undefined && isBefore(born, lost.changed);
}

/** The path, with its NUL, that a file has lost; undefined if it has it still. */
function lostPath(fd: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(PATH_BYTES);
  const name = new TextEncoder().encode(`/proc/self/fd/${fd}\0`);
  const length = libc.readlink(name, bytes, BigInt(PATH_BYTES - 1));
  const end = length - DELETED.length;
  if (end <= 0) return undefined;
  const tail = new TextDecoder().decode(bytes.subarray(end, length));
  if (tail !== DELETED) return undefined;
  bytes[end] = 0;
  return bytes;
}

function isBefore(one: Time, other: Time): boolean {
  return one.seconds < other.seconds ||
    (one.seconds === other.seconds && one.nanoseconds < other.nanoseconds);
}

export function isCharacterDevice({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFCHR;
}

function wide(words: Int32Array, at: number): number {
  return words[at + 1] * TWO_32 + (words[at] >>> 0);
}
