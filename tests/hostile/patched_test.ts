/** Prototypes and globals that a caller has replaced, and lists that lie about themselves. */
import { assertEquals, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  close,
  EV_ADD,
  EVFILT_USER,
  kevent,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_IMMEDIATE,
  KeventList,
  kevTimer,
  kevUser,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  NOTE_TRIGGER,
  Timespec,
} from "../../mod.ts";
import { idents } from "../semantics/calls.ts";
import { describeKernels } from "../semantics/kernels.ts";

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

/** Everything that touches a list's memory, on queues of either kind. */
function useEverything(): void {
  const now = new Timespec();
  using kq = new Kqueue({ capacity: 4 });
  const other = kqueue();
  kevent(other, null, null, null);
  for (const List of [KeventList, Kevent64List]) {
    const list: KeventList | Kevent64List = List.from([fired(1), fired(2)]);
    list.set(0, fired(3));
    list.clear();
    list.push(fired(4));
    kq.apply(list);
    list.toArray();
    list.identNumber(0);
    for (const fd of [kq.fd, other]) {
      kqApply(fd, fired(5));
      kqWait(fd, list, 0);
      kqWait(fd, list, 0.5);
    }
  }
  const list = KeventList.from([fired(6)]);
  kevent(other, list, new KeventList(1), now);
  const wide = Kevent64List.from([fired(6)]);
  kevent64(kq.fd, wide, new Kevent64List(1), KEVENT_FLAG_IMMEDIATE, now);
  kq.apply([fired(7), kevTimer(1, 1)]);
  using adopted = Kqueue.fromFd(other);
  adopted.apply([fired(8)]);
  adopted.poll();
  adopted.wait(0.5);
  kq.trigger(7);
  kq.poll();
  close(other);
}

type Patch = { object: object; key: PropertyKey };

/** Everything that can be replaced and could be given a view, or its buffer. */
function replaceable(): Patch[] {
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  const objects = [
    typed,
    ArrayBuffer.prototype,
    DataView.prototype,
    Object.getPrototypeOf(Uint8Array),
    ArrayBuffer,
    Math,
    BigInt,
    Number,
    Reflect,
    WeakMap.prototype,
    Map.prototype,
    Set.prototype,
    Array,
  ];
  const patches: Patch[] = objects.flatMap((object) =>
    Reflect.ownKeys(object)
      .filter((key) =>
        key !== "constructor" && key !== "prototype" && key !== Symbol.species
      )
      .map((key) => ({ object, key }))
  );
  const constructors = [
    "ArrayBuffer",
    "Uint8Array",
    "Int16Array",
    "Int32Array",
    "BigUint64Array",
    "BigInt64Array",
    "DataView",
    "BigInt",
  ];
  return [
    ...patches,
    ...constructors.map((key) => ({ object: globalThis, key })),
  ];
}

/** Runs `body` with a spy in place of each of them, and returns what spies saw of memory. */
function spyOn(patches: Patch[], body: () => void): string[] {
  const seen = new Array<string>(100);
  let count = 0;
  const { isView } = ArrayBuffer;
  const { apply, construct, defineProperty } = Reflect;
  const bufferTag = ArrayBuffer;
  const look = (name: string, values: unknown[]): void => {
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (isView(value) || value instanceof bufferTag) {
        if (count < seen.length) seen[count++] = name;
      }
    }
  };
  const spy = (name: string, target: unknown): unknown => {
    if (typeof target !== "function") return target;
    return new Proxy(target, {
      apply(target, receiver, args) {
        look(name, [receiver, ...args]);
        return apply(target, receiver, args);
      },
      construct(target, args, newTarget) {
        look(name, args);
        const made = construct(target, args, newTarget);
        look(name, [made]);
        return made;
      },
    });
  };
  const originals: [Patch, PropertyDescriptor][] = [];
  for (const { object, key } of patches) {
    const original = Object.getOwnPropertyDescriptor(object, key);
    if (original?.configurable !== true) continue;
    const name = String(key);
    const { value, get } = original;
    const replaced = get === undefined
      ? { ...original, value: spy(name, value) }
      : { ...original, get: spy(name, get) as () => unknown };
    originals.push([{ object, key }, original]);
    defineProperty(object, key, replaced);
  }
  try {
    body();
  } finally {
    for (let index = originals.length - 1; index >= 0; index--) {
      const [{ object, key }, original] = originals[index];
      defineProperty(object, key, original);
    }
  }
  return seen.slice(0, count);
}

describeKernels("replaced prototypes and globals", () => {
  it("get hold of no memory that the kernel writes", () => {
    useEverything(); // what is opened once is open
    assertEquals(spyOn(replaceable(), useEverything), []);
  });

  it("would be noticed if they did", () => {
    const seen = spyOn(replaceable(), () => new Uint8Array(8).fill(0));
    assertEquals(seen.includes("fill"), true);
    assertEquals(seen.includes("Uint8Array"), true);
  });

  for (const List of [KeventList, Kevent64List]) {
    it(`a subclass of ${List.name} cannot lie about its length`, () => {
      using kq = new Kqueue();
      const list: KeventList | Kevent64List = new List(1);
      list.push(fired(1));
      for (const key of ["length", "capacity"]) {
        Object.defineProperty(list, key, { value: 100_000 });
      }
      Object.defineProperty(list, "recordSize", {
        value: list.recordSize === 32 ? 48 : 32,
      });
      Object.defineProperty(list, "at", {
        value: () => fired(99),
      });
      kq.apply(list);
      const other = kqueue();
      kevent(other, null, null, null);
      for (const fd of [kq.fd, other]) {
        kqApply(fd, fired(1));
        kqApply(fd, fired(2));
        assertEquals(kqWait(fd, list, 0), 1);
      }
      close(other);
    });
  }

  it("what only looks like a list is none", () => {
    using kq = new Kqueue();
    const list = new KeventList(1);
    const proxy = new Proxy(list, {});
    assertThrows(() => kqWait(kq.fd, proxy, 0), TypeError, "KeventList");
    assertThrows(
      () => kevent(kq.fd, proxy, null, null),
      TypeError,
      "KeventList",
    );
    const made = Object.create(KeventList.prototype);
    assertThrows(() => kqWait(kq.fd, made, 0), TypeError, "KeventList");
  });

  it("do not change what a list holds", () => {
    const original = Math.floor;
    const list = new KeventList(1);
    try {
      Math.floor = (value) => {
        list.push({ ident: 1, filter: EVFILT_USER });
        return original(value);
      };
      list.push({ ident: 5, filter: EVFILT_USER, data: -1 });
    } finally {
      Math.floor = original;
    }
    assertEquals(idents(list), [5]);
    assertEquals(list.at(0).data, -1n);
  });
});
