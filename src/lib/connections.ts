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
  /** Closes a silent one, whoever has it; or else one of the owner with most connections, idle or not. */
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

type Connection = { owner: string; loss: Loss; since: number };

/** `close` is called with the connections that have to go, and is to remove them. */
export function createConnections(limits: ConnectionLimits, close: (socket: Socket) => void): Connections {
  /** The one that has been as it is for longest comes first. */
  const open = new Map<Socket, Connection>();
  const counts = new Map<string, { all: number; idle: number }>();

  const count = ({ owner, loss }: Connection, more: 1 | -1): void => {
    const { all, idle } = counts.get(owner) ?? { all: 0, idle: 0 };
    const counted = { all: all + more, idle: idle + (loss === 'answer' ? 0 : more) };
    if (counted.all === 0) counts.delete(owner);
    else counts.set(owner, counted);
  };
  const closeLongest = (isMeant: (connection: Connection) => boolean): boolean => {
    for (const [socket, connection] of open) {
      if (!isMeant(connection)) continue;
      close(socket);
      return true;
    }
    return false;
  };
  /** Of the owner that has most of those that are meant, the longest there. */
  const closeOfMost = (isMeant: (connection: Connection) => boolean): boolean => {
    const most = mostFrequent([...open.values()].filter(isMeant).map(({ owner }) => owner));
    return closeLongest((connection) => connection.owner === most && isMeant(connection));
  };
  const remove = (socket: Socket): void => {
    const connection = open.get(socket);
    if (!connection) return;
    open.delete(socket);
    count(connection, -1);
  };
  return {
    remove,
    set(socket, owner, loss) {
      remove(socket);
      if (loss !== 'answer' && (counts.get(owner)?.idle ?? 0) >= limits.idle) {
        IDLE.some((least) => closeLongest((other) => other.owner === owner && other.loss === least));
      }
      const connection = { owner, loss, since: performance.now() };
      open.set(socket, connection);
      count(connection, 1);
    },
    closeIdle() {
      const hasMore = (owner: string): boolean => (counts.get(owner)?.all ?? 0) > limits.few;
      IDLE.some((least) => closeOfMost(({ owner, loss }) => loss === least && hasMore(owner)));
    },
    closeOne() {
      const silentSince = performance.now() - limits.silentAfterMs;
      if (closeOfMost(({ loss, since }) => loss === 'nothing' && since < silentSince)) return;
      const most = mostFrequent([...open.values()].map(({ owner }) => owner));
      LOSSES.some((least) => closeLongest(({ owner, loss }) => owner === most && loss === least));
    },
  };
}

function mostFrequent(names: readonly string[]): string | undefined {
  const times = new Map<string, number>();
  let most: string | undefined;
  for (const name of names) {
    times.set(name, (times.get(name) ?? 0) + 1);
    if (most === undefined || (times.get(name) ?? 0) > (times.get(most) ?? 0)) most = name;
  }
  return most;
}
