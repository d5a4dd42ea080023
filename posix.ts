/**
 * The few calls of POSIX that yield descriptors to watch, and processes: pipes, sockets and files, what moves bytes
 * through them, and what happens to them.
 *
 * They are those of the system's C library, on macOS and Linux, by their own names. Importing this module opens
 * nothing: the first call opens the library, and needs `--allow-ffi`. Failures are thrown as {@linkcode SystemError};
 * what a caller must expect of a descriptor that is not ready is null instead. A call that a signal cut short is made
 * again. Descriptors are taken as numbers and as bigints, as events have them.
 *
 * No call need ever wait: {@linkcode recv}, {@linkcode send}, {@linkcode recvFrom}, {@linkcode sendTo} and
 * {@linkcode accept} never do, {@linkcode connect} does not when it is told so, and {@linkcode read} and
 * {@linkcode write} do not on a descriptor in non-blocking mode.
 *
 * ```ts
 * import { Kqueue, kevRead } from "@kqueue/kqueue";
 * import { close, pipe, read, write } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * using kq = new Kqueue();
 * kq.apply(kevRead(reader));
 *
 * write(writer, new TextEncoder().encode("hello"));
 * for (const event of kq.wait(1000)) {
 *   const buffer = new Uint8Array(Number(event.data));
 *   read(event.ident, buffer);
 *   console.log(new TextDecoder().decode(buffer)); // hello
 * }
 * close(reader);
 * close(writer);
 * ```
 *
 * @module
 */
export {
  type ChangeFailure,
  SystemError,
  type SystemErrorOptions,
} from "./errors.ts";
export type { KeventInit } from "./kevent/record.ts";
export type { InetAddress, UnixAddress } from "./posix/address.ts";
export {
  connect,
  type ConnectMode,
  type ConnectOptions,
  takeError,
  type UnixConnectOptions,
} from "./posix/connect.ts";
export {
  bind,
  type BindOptions,
  type BoundSocket,
  type ReceivedDatagram,
  recvFrom,
  sendTo,
} from "./posix/datagram.ts";
export {
  close,
  creat,
  dup,
  dup2,
  fchmod,
  ftruncate,
  lseek,
  open,
  type OpenOptions,
  pipe,
  type PipeOptions,
} from "./posix/descriptor.ts";
export {
  accept,
  type AcceptOptions,
  listen,
  type Listener,
  type ListenOptions,
  type UnixListener,
  type UnixListenOptions,
} from "./posix/listen.ts";
export { isNonblocking, setNonblocking } from "./posix/mode.ts";
export {
  setLinger,
  setNoDelay,
  setReceiveBufferSize,
  setReceiveLowWater,
  setSendBufferSize,
} from "./posix/option.ts";
export { link, mkdir, rename, rmdir, unlink } from "./posix/path.ts";
export {
  getpid,
  kill,
  spawn,
  type SpawnOptions,
  type WaitOptions,
  waitpid,
  type WaitStatus,
} from "./posix/process.ts";
export {
  getsockname,
  shutdown,
  socketpair,
  type SocketpairOptions,
  type SocketType,
} from "./posix/socket.ts";
export { DARWIN_POSIX_SYMBOLS, LINUX_POSIX_SYMBOLS } from "./posix/symbols.ts";
export {
  read,
  recv,
  type RecvOptions,
  send,
  type SendOptions,
  write,
} from "./posix/transfer.ts";
