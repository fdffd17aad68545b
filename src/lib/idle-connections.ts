import type { Socket } from 'node:net';

/** What the client of an idle connection loses with it, the least first. */
const LOSSES = ['nothing', 'connection', 'request'] as const;
/** It has asked for nothing yet; it connects again; what it sends or takes is cut off. */
export type Loss = (typeof LOSSES)[number];

/** The connections that are idle, by who has them. */
export type IdleConnections = {
  /**
   * It is idle from now on. Of an owner that keeps more than it may, another is closed: of those with the
   * least loss the longest idle.
   */
  rest(socket: Socket, owner: string, loss: Loss): void;
  /** It is idle no more, or is gone. */
  wake(socket: Socket, owner: string): void;
  /** Closes one with the least loss: of the owner that keeps most of those the longest idle. */
  closeOne(): void;
};

/** `close` is called with the connections that have to go. */
export function createIdleConnections(perOwner: number, close: (socket: Socket) => void): IdleConnections {
  /** By loss, and by owner the longest idle first. */
  const idle = LOSSES.map((loss) => ({ loss, owners: new Map<string, Set<Socket>>() }));

  const closeLongest = (sockets: ReadonlySet<Socket> | undefined): void => {
    const [longest] = sockets ?? [];
    if (longest) close(longest);
  };
  const wake = (socket: Socket, owner: string): void => {
    for (const { owners } of idle) {
      const own = owners.get(owner);
      own?.delete(socket);
      if (own?.size === 0) owners.delete(owner);
    }
  };
  return {
    wake,
    rest(socket, owner, loss) {
      wake(socket, owner);
      const others = idle.flatMap(({ owners }) => owners.get(owner) ?? []);
      if (others.reduce((sum, { size }) => sum + size, 0) >= perOwner) closeLongest(others[0]);
      for (const { loss: which, owners } of idle)
        if (which === loss) owners.set(owner, (owners.get(owner) ?? new Set()).add(socket));
    },
    closeOne() {
      const [least] = idle.filter(({ owners }) => owners.size > 0);
      const most = [...(least?.owners.values() ?? [])].reduce<ReadonlySet<Socket> | undefined>(
        (found, own) => (found && found.size >= own.size ? found : own),
        undefined,
      );
      closeLongest(most);
    },
  };
}
