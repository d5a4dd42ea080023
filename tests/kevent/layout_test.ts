import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  KEVENT,
  KEVENT64,
  Kevent64List,
  KeventList,
  layoutOf,
  type Struct,
  TIMESPEC,
  Timespec,
} from "../../kevent.ts";
import { memoryOf } from "../../kevent/list.ts";
import { timespecMemoryOf } from "../../kevent/timespec.ts";
import { darwinLibrary } from "../darwin/library.ts";
import data from "../data/event.json" with { type: "json" };

type Field = { offset: number; size: number };
type CStruct = { size: number; fields: Record<string, Field> };

/** The C struct that each declaration stands for. */
const STRUCTS: [name: string, declared: Struct, header: CStruct][] = [
  ["struct kevent", KEVENT, data.layout.kevent],
  ["struct kevent64_s", KEVENT64, data.layout.kevent64_s],
  ["struct timespec", TIMESPEC, data.layout.timespec],
];

const SIZES: Record<string, number> = {
  i16: 2,
  u16: 2,
  u32: 4,
  i64: 8,
  u64: 8,
  isize: 8,
  usize: 8,
  pointer: 8,
};

/** Every byte of this record is another, and the sign of each field shows. */
const CHANGE = {
  ident: 0xf1f2f3f4f5f6f7f8n,
  filter: -0x1e1d,
  flags: 0xe5e6,
  fflags: 0xd1d2d3d4,
  data: -0x3e3d3c3b3a393837n,
  udata: 0xb1b2b3b4b5b6b7b8n,
  ext: [0xa1a2a3a4a5a6a7a8n, 0x9192939495969798n],
} as const;

const FIELDS = [
  CHANGE.ident,
  BigInt(CHANGE.filter),
  BigInt(CHANGE.flags),
  BigInt(CHANGE.fflags),
  CHANGE.data,
  CHANGE.udata,
];

/** `CHANGE` in memory, by the header's offsets alone. */
function packed({ size, fields }: CStruct): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  view.setBigUint64(fields.ident.offset, CHANGE.ident, true);
  view.setInt16(fields.filter.offset, CHANGE.filter, true);
  view.setUint16(fields.flags.offset, CHANGE.flags, true);
  view.setUint32(fields.fflags.offset, CHANGE.fflags, true);
  view.setBigInt64(fields.data.offset, CHANGE.data, true);
  view.setBigUint64(fields.udata.offset, CHANGE.udata, true);
  if (fields.ext !== undefined) {
    view.setBigUint64(fields.ext.offset, CHANGE.ext[0], true);
    view.setBigUint64(fields.ext.offset + 8, CHANGE.ext[1], true);
  }
  return new Uint8Array(view.buffer);
}

describe("struct declarations", () => {
  for (const [name, declared, header] of STRUCTS) {
    it(`${name} has the header's size and offsets`, () => {
      const { size, offsets } = layoutOf(declared);
      assertEquals(size, header.size);
      const parts = Object.values(header.fields).flatMap(partsOf);
      assertEquals([...offsets], parts.map(({ offset }) => offset));
      assertEquals(
        declared.struct.map((type) => SIZES[type]),
        parts.map(({ size }) => size),
      );
    });
  }

  it("are signed where the header is", () => {
    for (const { struct } of [KEVENT, KEVENT64]) {
      const signed = struct.map((type) => type.startsWith("i"));
      assertEquals(signed.slice(0, 6), [
        false,
        true,
        false,
        false,
        true,
        false,
      ]);
    }
    assertEquals<readonly string[]>(TIMESPEC.struct, ["i64", "i64"]);
  });
});

describe("records in memory", () => {
  for (const index of [0, 1, 2]) {
    it(`record ${index} of a KeventList is a struct kevent`, () => {
      const list = new KeventList(4);
      for (const _ of [0, 1, 2]) list.push({ ident: 0, filter: 0 });
      list.set(index, CHANGE);
      const expected = new Uint8Array(4 * 32);
      expected.set(packed(data.layout.kevent), index * 32);
      assertEquals(new Uint8Array(memoryOf(list).bytes), expected);
    });

    it(`record ${index} of a Kevent64List is a struct kevent64_s`, () => {
      const list = new Kevent64List(4);
      for (const _ of [0, 1, 2]) list.push({ ident: 0, filter: 0 });
      list.set(index, CHANGE);
      const expected = new Uint8Array(4 * 48);
      expected.set(packed(data.layout.kevent64_s), index * 48);
      assertEquals(new Uint8Array(memoryOf(list).bytes), expected);
    });
  }

  it("come out of memory as the header says", () => {
    const list = new KeventList(1);
    list.push({ ident: 0, filter: 0 });
    memoryOf(list).bytes.set(packed(data.layout.kevent));
    const { ext, ...event } = CHANGE;
    assertEquals(list.at(0), event);
    const wide = new Kevent64List(1);
    wide.push({ ident: 0, filter: 0 });
    memoryOf(wide).bytes.set(packed(data.layout.kevent64_s));
    assertEquals(wide.at(0), { ...event, ext: [...ext] });
  });

  it("a Timespec is a struct timespec", () => {
    const { size, fields } = data.layout.timespec;
    const view = new DataView(new ArrayBuffer(size));
    view.setBigInt64(fields.tv_sec.offset, -2n, true);
    view.setBigInt64(fields.tv_nsec.offset, 0x0102030405060708n, true);
    const timespec = new Timespec(-2, 0x0102030405060708n);
    assertEquals(
      new Uint8Array(timespecMemoryOf(timespec).bytes),
      new Uint8Array(view.buffer),
    );
  });
});

describe("structs passed by value", () => {
  const library = darwinLibrary();
  if ("skip" in library) {
    it.skip(`arrive field by field as packed (${library.skip})`, () => {});
    return;
  }
  const { symbols } = Deno.dlopen(library.path, {
    // void kqtest_kevent_by_value(struct kevent record, void *out);
    kqtest_kevent_by_value: { parameters: [KEVENT, "buffer"], result: "void" },
    // void kqtest_kevent64_by_value(struct kevent64_s record, void *out);
    kqtest_kevent64_by_value: {
      parameters: [KEVENT64, "buffer"],
      result: "void",
    },
    // void kqtest_timespec_by_value(struct timespec time, void *out);
    kqtest_timespec_by_value: {
      parameters: [TIMESPEC, "buffer"],
      result: "void",
    },
  });

  /** What C saw, each field widened to 64 bits with its own sign. */
  const fieldsSeen = (out: BigInt64Array, unsigned: readonly number[]) =>
    Array.from(
      out,
      (value, index) =>
        unsigned.includes(index) ? BigInt.asUintN(64, value) : value,
    );

  it("a record of a KeventList arrives field by field as packed", () => {
    const list = KeventList.from([CHANGE]);
    const out = new BigInt64Array(6);
    symbols.kqtest_kevent_by_value(
      memoryOf(list).bytes.slice(),
      new Uint8Array(out.buffer),
    );
    assertEquals(fieldsSeen(out, [0, 5]), FIELDS);
  });

  it("a record of a Kevent64List arrives field by field as packed", () => {
    const list = Kevent64List.from([CHANGE]);
    const out = new BigInt64Array(8);
    symbols.kqtest_kevent64_by_value(
      memoryOf(list).bytes.slice(),
      new Uint8Array(out.buffer),
    );
    assertEquals(fieldsSeen(out, [0, 5, 6, 7]), [...FIELDS, ...CHANGE.ext]);
  });

  it("a Timespec arrives field by field as packed", () => {
    for (const fields of [[-2n, 2n ** 63n - 1n], [1n, 999_999_999n]]) {
      const timespec = new Timespec(fields[0], fields[1]);
      const out = new BigInt64Array(2);
      symbols.kqtest_timespec_by_value(
        timespecMemoryOf(timespec).bytes.slice(),
        new Uint8Array(out.buffer),
      );
      assertEquals([...out], fields);
    }
  });
});

/** The words of a field that C declares as an array of them. */
function partsOf({ offset, size }: Field): Field[] {
  if (size <= 8) return [{ offset, size }];
  return Array.from({ length: size / 8 }, (_, index) => ({
    offset: offset + 8 * index,
    size: 8,
  }));
}
