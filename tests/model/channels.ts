/** Pipes and socket pairs as the model sees them: which ends are open, and how many bytes wait at each. */

/** Something that is sure, something that a rule leaves open, or something that cannot be. */
export type Truth = "yes" | "maybe" | "no";

export type ChannelKind = "pipe" | "socketpair";
export type Side = 0 | 1;

const SIDES: Record<ChannelKind, [string, string]> = {
  pipe: ["reader", "writer"],
  socketpair: ["a", "b"],
};

/** The channels of a run. */
export const KINDS: readonly ChannelKind[] = ["pipe", "socketpair", "pipe"];

/** What one end of the kind on one side is called. */
export function sideName(kind: ChannelKind, side: Side): string {
  return SIDES[kind][side];
}

/** Two ends: what is written to one is read from the other. */
export class Channel {
  readonly ends: readonly [End, End];

  constructor(readonly kind: ChannelKind, [a, b]: [number, number]) {
    this.ends = [new End(this, 0, a), new End(this, 1, b)];
  }
}

/** One end of a channel, and the descriptor that it has. */
export class End {
  isOpen = true;
  /** The bytes that were written to the other end and not read here yet. */
  unread = 0;
  /** Whether the other end can be written to, as far as the bytes here matter. */
  room: Truth = "yes";
  /** Closed while bytes waited: Linux tells the other socket so with ECONNRESET. */
  wasReset = false;

  constructor(
    readonly channel: Channel,
    readonly side: Side,
    readonly fd: number,
  ) {}

  /** The other end. */
  get peer(): End {
    return this.channel.ends[1 - this.side];
  }

  get canRead(): boolean {
    return this.channel.kind === "socketpair" || this.side === 0;
  }

  get canWrite(): boolean {
    return this.channel.kind === "socketpair" || this.side === 1;
  }
}
