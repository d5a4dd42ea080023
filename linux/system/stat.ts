/** What statx(2) tells of an open file. */
import { captureErrno, EBADF, libc, scratch } from "./libc.ts";

const SYS_statx = Deno.build.arch === "aarch64" ? 291n : 332n;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const TWO_32 = 2 ** 32;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

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
  /** The times of the last access and change of content, in seconds. */
  readonly accessed: number;
  readonly modified: number;
}

/** The state of an open file, or the errno: EBADF for a number that is not open, others where the kernel refuses. */
export function statOf(fd: number): FileStat | number {
  const { words, pointer, emptyPath } = scratch;
  const failed = libc.statx(
    SYS_statx,
    fd,
    emptyPath,
    AT_EMPTY_PATH,
    STATX_BASIC_STATS,
    pointer,
  );
  if (Number(failed) === -1) return captureErrno();
  return {
    links: words[4],
    owner: words[5],
    group: words[6],
    mode: words[7] & 0xffff,
    inode: wide(words, 8),
    size: wide(words, 10),
    accessed: wide(words, 16) + words[18] / 1e9,
    modified: wide(words, 28) + words[30] / 1e9,
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

/** Whether it is a file that has a name: no pipe, socket or anonymous inode. */
export function isVnode({ mode }: FileStat): boolean {
  const type = mode & S_IFMT;
  return type === S_IFREG || type === S_IFDIR || type === S_IFCHR ||
    type === S_IFBLK;
}

export function isCharacterDevice({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFCHR;
}

function wide(words: Int32Array, at: number): number {
  return words[at + 1] * TWO_32 + (words[at] >>> 0);
}
