/**
 * The three C structs of `<sys/event.h>` in the terms of Deno's FFI, and the offsets that follow from them.
 *
 * Nothing else in the module states an offset or a size: whoever needs one asks {@linkcode layoutOf}.
 */

/**
 * `struct kevent`: ident, filter, flags, fflags, data, udata (32 bytes). For who declares functions of their own that
 * take one; the lists of this module need nothing of it.
 */
export const KEVENT = {
  struct: ["usize", "i16", "u16", "u32", "isize", "pointer"],
} as const;

/**
 * `struct kevent64_s`: ident, filter, flags, fflags, data, udata, ext[0], ext[1] (48 bytes). For whom
 * {@linkcode KEVENT} is.
 */
export const KEVENT64 = {
  struct: ["u64", "i16", "u16", "u32", "i64", "u64", "u64", "u64"],
} as const;

/** `struct timespec`: tv_sec, tv_nsec (16 bytes). */
export const TIMESPEC = { struct: ["i64", "i64"] } as const;

/** A struct of this module, as Deno's FFI takes it for a parameter passed by value. */
export type Struct = typeof KEVENT | typeof KEVENT64 | typeof TIMESPEC;

/** Where a struct's fields lie. */
export interface Layout {
  /** The struct's size in bytes, trailing padding included. */
  readonly size: number;
  /** Each field's distance from the start in bytes, in the order of declaration. */
  readonly offsets: readonly number[];
}

const SIZE_OF = {
  i16: 2,
  u16: 2,
  u32: 4,
  i64: 8,
  u64: 8,
  usize: 8,
  isize: 8,
  pointer: 8,
} as const;

/**
 * The layout that C gives a struct: each field at the next multiple of its own size. For who reads or writes the bytes of
 * a list by themselves, or hands records to C code of their own.
 */
export function layoutOf({ struct }: Struct): Layout {
  const offsets: number[] = [];
  let end = 0;
  let alignment = 1;
  for (const type of struct) {
    const size = SIZE_OF[type];
    const offset = alignUp(end, size);
    offsets.push(offset);
    end = offset + size;
    alignment = Math.max(alignment, size);
  }
  return { size: alignUp(end, alignment), offsets };
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
