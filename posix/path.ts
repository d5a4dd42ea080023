/** Names in the file system. */
import { checkMode, cString } from "./check.ts";
import { complete, libc } from "./libc.ts";

/**
 * Removes a file's name, and the file with its last one, once nobody has it open.
 *
 * ```ts
 * import { close, creat, getpid, unlink } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * close(creat(path));
 * unlink(path);
 * ```
 *
 * @throws {SystemError} ENOENT, EACCES, or for a directory EISDIR or EPERM.
 */
export function unlink(path: string): void {
  const name = cString("path", path);
  complete("unlink", () => libc().symbols.unlink(name), path);
}

/**
 * Gives a file or directory another name, in place of what had that name before.
 *
 * ```ts
 * import { close, creat, getpid, rename, unlink } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * close(creat(path));
 * rename(path, `${path}.old`);
 * unlink(`${path}.old`);
 * ```
 *
 * @throws {SystemError} ENOENT, EACCES, EXDEV, ENOTEMPTY or EISDIR, among others.
 */
export function rename(oldPath: string, newPath: string): void {
  const oldName = cString("oldPath", oldPath);
  const newName = cString("newPath", newPath);
  complete(
    "rename",
    () => libc().symbols.rename(oldName, newName),
    `${oldPath} -> ${newPath}`,
  );
}

/**
 * Gives a file another name besides those that it has (a hard link).
 *
 * ```ts
 * import { close, creat, getpid, link, unlink } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * close(creat(path));
 * link(path, `${path}.too`);
 * for (const name of [path, `${path}.too`]) unlink(name);
 * ```
 *
 * @throws {SystemError} ENOENT, EEXIST, EACCES, EXDEV or EPERM, among others.
 */
export function link(path: string, newPath: string): void {
  const name = cString("path", path);
  const newName = cString("newPath", newPath);
  complete(
    "link",
    () => libc().symbols.link(name, newName),
    `${path} -> ${newPath}`,
  );
}

/**
 * Makes a directory.
 *
 * ```ts
 * import { getpid, mkdir, rmdir } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * mkdir(path, 0o700);
 * rmdir(path);
 * ```
 *
 * @param path Where it is to be, from the working directory if not absolute.
 * @param mode Who may do what with it, 0 to 0o7777, less the process's umask; 0o755 unless given.
 * @throws {SystemError} EEXIST, ENOENT, EACCES or ENOSPC, among others.
 */
export function mkdir(path: string, mode?: number): void {
  const name = cString("path", path);
  const bits = mode === undefined ? 0o755 : mode;
  checkMode(bits);
  complete("mkdir", () => libc().symbols.mkdir(name, bits), path);
}

/**
 * Removes an empty directory.
 *
 * ```ts
 * import { getpid, mkdir, rmdir } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * mkdir(path);
 * rmdir(path);
 * ```
 *
 * @throws {SystemError} ENOENT, ENOTEMPTY, ENOTDIR or EACCES, among others.
 */
export function rmdir(path: string): void {
  const name = cString("path", path);
  complete("rmdir", () => libc().symbols.rmdir(name), path);
}
