import type { Socket } from 'node:net';

/** What the client of a connection loses with it, the least first. */
const LOSSES = ['nothing', 'connection', 'request', 'answer'] as const;
/**
 * It has asked for nothing yet; it connects again; what it sends or takes is cut off; what it has asked for
 * is under way. Connections are idle but for the last.
 */
export type Loss = (typeof LOSSES)[number];
const IDLE: readonly Loss[] = ['nothing', 'connection', 'request'];

/** The connections that are there, by who has them. */
export type Connections = {
  /**
   * One is new, or its client would lose something else from now on. Of an owner that keeps too many idle
   * ones, another is closed: of those with the least loss the longest idle.
   */
  set(socket: Socket, owner: string, loss: Loss): void;
  /** One is gone. */
  remove(socket: Socket): void;
  /**
   * Closes an idle one with the least loss, of an owner with more than a few connections: of the owner that
   * keeps most of these the longest idle.
   */
  closeIdle(): void;
  /**
   * Closes a silent one, whoever has it; or else one of the owner that has more than half of all, idle or
   * not; or else an idle one of the owner that keeps most of these; or else one of the owner that has most.
   */
  closeOne(): void;
};

export type ConnectionLimits = {
  /** Idle ones of one owner. */
  idle: number;
  /** So many of one owner stay while there is room for more. */
  few: number;
  /** Whoever has asked for nothing after this time is silent. */
  silentAfterMs: number;
};

/** An owner's connections, and since when each is as it is: the longest first. */
type Own = Record<Loss, Map<Socket, number>>;

const sizeOf = (own: Own | undefined, losses: readonly Loss[] = LOSSES): number =>
  losses.reduce((sum, loss) => sum + (own?.[loss].size ?? 0), 0);

/** `close` is called with the connections that have to go, and is to remove them. */
export function createConnections(limits: ConnectionLimits, close: (socket: Socket) => void): Connections {
  const owners = new Map<string, Own>();
  const open = new Map<Socket, { owner: string; loss: Loss }>();

  const closeLongest = (own: Own | undefined, losses: readonly Loss[]): void => {
    for (const loss of losses) {
      const [longest] = own?.[loss].keys() ?? [];
      if (!longest) continue;
      close(longest);
      return;
    }
  };
  /** The owner's that has most by this count; undefined when none has any. */
  const mostBy = (count: (own: Own) => number): Own | undefined => {
    let [most, found] = [0, undefined as Own | undefined];
    for (const own of owners.values()) if (count(own) > most) [most, found] = [count(own), own];
    return found;
  };
  const remove = (socket: Socket): void => {
    const { owner, loss } = open.get(socket) ?? {};
    if (owner === undefined || loss === undefined) return;
    open.delete(socket);
    const own = owners.get(owner);
    own?.[loss].delete(socket);
    if (sizeOf(own) === 0) owners.delete(owner);
  };
  return {
    remove,
    set(socket, owner, loss) {
      remove(socket);
      if (loss !== 'answer' && sizeOf(owners.get(owner), IDLE) >= limits.idle)
        closeLongest(owners.get(owner), IDLE);
      const own = owners.get(owner) ?? nothing();
      own[loss].set(socket, performance.now());
      owners.set(owner, own);
      open.set(socket, { owner, loss });
    },
    closeIdle() {
      for (const least of IDLE) {
        const most = mostBy((own) => (sizeOf(own) > limits.few ? own[least].size : 0));
        if (!most) continue;
        closeLongest(most, [least]);
        return;
      }
    },
    closeOne() {
      const silentSince = performance.now() - limits.silentAfterMs;
      const silent = mostBy(({ nothing }) => {
        const [since = Infinity] = nothing.values();
        return since < silentSince ? nothing.size : 0;
      });
      const most = mostBy((own) => sizeOf(own));
      const hasHalf = 2 * sizeOf(most) > open.size;
      const idlest = hasHalf ? undefined : mostBy((own) => sizeOf(own, IDLE));
      closeLongest(silent ?? idlest ?? most, LOSSES);
    },
  };
}

const nothing = (): Own => ({
  nothing: new Map<Socket, number>(),
  connection: new Map<Socket, number>(),
  request: new Map<Socket, number>(),
  answer: new Map<Socket, number>(),
});
