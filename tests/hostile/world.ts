/** Carries out what hostile callers do, and looks after each deed whether all is still in order. */
import { assert, assertEquals } from "@std/assert";
import {
  close,
  EV_ADD,
  EV_DELETE,
  type EventList,
  EVFILT_USER,
  kevent,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_IMMEDIATE,
  type KeventInit,
  KeventList,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  Loop,
  SystemError,
  Timespec,
  type Watch,
} from "../../mod.ts";
import { memoryOf } from "../../kevent/list.ts";
import type { Deed, HostileChange, HostileChanges } from "./callers.ts";

type List = KeventList | Kevent64List;

/** What a caller throws: nobody may change it, or put something else in its place. */
class Mischief extends Error {}

/** How deep in getters something is still done. */
const MAX_DEPTH = 5;
/** How much is done in one program at most: what a getter does is done once for every time that it is called. */
const MAX_STEPS = 300;

/** A list that lies about itself. */
class Liar extends KeventList {
  override get length(): number {
    return 1_000_000;
  }
  override get capacity(): number {
    return 1_000_000;
  }
  override at(): never {
    throw new Mischief("at");
  }
}

/** Lists, queues and a loop, in the hands of a caller who means harm. */
export class World {
  /** How many deeds were carried out. */
  steps = 0;
  readonly #lists: readonly List[] = [
    new KeventList(2),
    new Kevent64List(2),
    new Liar(1),
  ];
  readonly #queues: readonly Kqueue[] = [
    new Kqueue({ capacity: 2 }),
    new Kqueue(),
  ];
  /** Raw queues, the first of them one of kevent (R10a). */
  readonly #raw = [kqueue(), kqueue()];
  readonly #open: Kqueue[] = [...this.#queues];
  readonly #loop = new Loop();
  readonly #watches: Watch[] = [];
  #depth = 0;

  constructor() {
    kevent(this.#raw[0], null, null, null);
  }

  /** Does it all, one after the other. */
  run(deeds: readonly Deed[]): void {
    for (const deed of deeds) this.#try(deed);
  }

  /** Closes everything; what is closed already is nobody's by then. */
  async end(): Promise<void> {
    for (const watch of this.#watches) watch.cancel();
    await this.#loop[Symbol.asyncDispose]();
    for (const kq of this.#open) kq.close();
    for (const fd of this.#raw) close(fd);
  }

  #try(deed: Deed): void {
    try {
      this.#do(deed);
    } catch (error) {
      checkError(error);
    }
    this.#check();
  }

  /** In a getter: what goes wrong there goes wrong for the one who has called it. */
  #doAll(deeds: readonly Deed[]): void {
    if (this.#depth >= MAX_DEPTH) return;
    this.#depth++;
    try {
      for (const deed of deeds) {
        this.#do(deed);
        this.#check();
      }
    } finally {
      this.#depth--;
    }
  }

  #do(deed: Deed): void {
    if (++this.steps > MAX_STEPS) return;
    switch (deed.kind) {
      case "push": {
        const list = this.#list(deed.list);
        const length = list.push(this.#change(deed.change));
        assertEquals(length, memoryOf(list as EventList).length);
        const { wide, recordSize } = memoryOf(list as EventList);
        assertEquals(wide[(length - 1) * recordSize / 8], identOf(deed.change));
        return;
      }
      case "set":
        this.#list(deed.list).set(deed.index, this.#change(deed.change));
        return;
      case "clear":
        return this.#list(deed.list).clear();
      case "from": {
        const given = this.#changes(deed.changes) as Iterable<KeventInit>;
        const made = deed.list % 2 === 0
          ? KeventList.from(given)
          : Kevent64List.from(given);
        checkList(made);
        return;
      }
      case "kqApply":
        return this.#kqApply(this.#fd(deed.queue), deed.change);
      case "apply": {
        const kq = this.#queues[deed.queue % 2];
        kq.apply(this.#changes(deed.changes) as KeventInit);
        for (const ident of addedBy(deed.changes)) assertHas(kq.fd, ident);
        return;
      }
      case "kevent":
        return this.#kevent(deed);
      case "kqWait":
        kqWait(this.#fd(deed.queue), this.#list(deed.list), 0);
        return;
      case "poll":
        checkList(this.#queues[deed.queue % 2].poll());
        return;
      case "trigger": {
        const { ident, udata, data } = deed.change.fields;
        const options = { udata, data } as KeventInit;
        this.#queues[deed.queue % 2].trigger(ident as number, options);
        return;
      }
      case "on":
        this.#watches.push(
          this.#loop.on(this.#change(deed.change), () => {}),
        );
        return;
      case "cancel":
        this.#watches.pop()?.cancel();
        return;
      case "close":
        if (deed.queue < 2) this.#queues[deed.queue].close();
        else close(this.#raw[deed.queue - 2]);
        return;
      case "reopen":
        return this.#reopen(deed.queue);
      case "throw":
        throw Object.freeze(new Mischief("thrown"));
    }
  }

  #kqApply(fd: number, change: HostileChange): void {
    const isApplied = kqApply(fd, this.#change(change));
    if (isApplied && isAdding(change)) assertHas(fd, identOf(change));
  }

  #kevent({ queue, list, events, none }: Deed & { kind: "kevent" }): void {
    const fd = this.#fd(queue);
    const changes = (none & 1) === 0 ? this.#list(list) : null;
    const into = (none & 2) === 0 ? this.#list(events) : null;
    if (list % 2 === 0) {
      const [a, b] = [changes, into] as (KeventList | null)[];
      kevent(fd, a, b, new Timespec());
    } else {
      const [a, b] = [changes, into] as (Kevent64List | null)[];
      kevent64(fd, a, b, KEVENT_FLAG_IMMEDIATE, null);
    }
  }

  #reopen(queue: number): void {
    if (queue < 2) {
      if (!this.#queues[queue].closed) return;
      const kq = new Kqueue({ capacity: 1 + queue });
      (this.#queues as Kqueue[])[queue] = kq;
      this.#open.push(kq);
    } else {
      close(this.#raw[queue - 2]);
      this.#raw[queue - 2] = kqueue();
    }
  }

  #list(index: number): List {
    return this.#lists[index];
  }

  #fd(queue: number): number {
    return queue < 2 ? this.#queues[queue].fd : this.#raw[queue - 2];
  }

  #changes({ kind, changes, list, meanwhile }: HostileChanges): unknown {
    const made = changes.map((change) => this.#change(change));
    const doAll = (): void => this.#doAll(meanwhile);
    switch (kind) {
      case "one":
        return made[0];
      case "array":
        return made;
      case "set":
        return new Set(made);
      case "list":
        return this.#list(list);
      case "generator":
        return function* (): Generator<KeventInit> {
          for (const change of made) {
            yield change;
            doAll();
          }
        }();
    }
  }

  #change({ fields, shape, at, meanwhile }: HostileChange): KeventInit {
    const doAll = (): void => this.#doAll(meanwhile);
    const read = (key: string): unknown => {
      if (key === at) doAll();
      return fields[key as keyof typeof fields];
    };
    const getters = Object.fromEntries(
      Object.keys(fields).map((key) => [key, {
        get: () => read(key),
        enumerable: true,
        configurable: true,
      }]),
    );
    switch (shape) {
      case "plain":
        return { ...fields } as KeventInit;
      case "getters":
        return Object.defineProperties({}, getters) as KeventInit;
      case "instance":
        return Object.create(Object.defineProperties({}, getters));
      case "proxy":
        return new Proxy({ ...fields } as KeventInit, {
          get: (_, key) => typeof key === "string" ? read(key) : undefined,
          has: (_, key) => {
            doAll();
            return key in fields;
          },
        });
      case "none":
        return fields.data as unknown as KeventInit;
    }
  }

  #check(): void {
    for (const list of this.#lists) checkList(list);
  }
}

/** A list never holds more than it has room for, and its memory stays with it. */
function checkList(list: List): void {
  const { length, capacity, recordSize, bytes } = memoryOf(list as EventList);
  assert(
    Number.isInteger(length) && length >= 0 && length <= capacity,
    `the list holds ${length} of ${capacity} records`,
  );
  assertEquals(bytes.byteLength, recordSize * capacity);
}

/** Whoever calls gets an error of the module's, or what the caller's own code threw. */
function checkError(error: unknown): void {
  const isExpected = error instanceof Mischief ||
    error instanceof SystemError ||
    error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.AlreadyExists ||
    (error instanceof RangeError && !isOfEngine(error)) ||
    (error instanceof TypeError && !isOfEngine(error));
  if (!isExpected) throw error;
}

/** The words of errors that the engine throws where a value was not looked at. */
function isOfEngine({ message }: Error): boolean {
  return /call stack|private member|not a function|undefined \(|BigInt|Symbol value|Invalid/
    .test(message);
}

function identOf({ fields }: HostileChange): bigint {
  return BigInt(fields.ident as number);
}

/** Whether a change that was applied has left a watcher. */
function isAdding({ fields, shape }: HostileChange): boolean {
  const flags = fields.flags as number;
  return shape !== "none" && fields.filter === EVFILT_USER &&
    (flags & EV_ADD) !== 0 && (flags & EV_DELETE) === 0;
}

/** The idents whose watchers are there after all the changes were applied. */
function addedBy({ kind, changes }: HostileChanges): Set<bigint> {
  const added = new Set<bigint>();
  if (kind === "list") return added;
  for (const change of kind === "one" ? changes.slice(0, 1) : changes) {
    if (isAdding(change)) added.add(identOf(change));
    else if (change.fields.filter === EVFILT_USER) {
      added.delete(identOf(change));
    }
  }
  return added;
}

function assertHas(fd: number, ident: bigint): void {
  const change = { ident, filter: EVFILT_USER };
  assert(kqApply(fd, change), `the watcher ${ident} is not there`);
}
