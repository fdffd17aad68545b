import type { Socket } from 'node:net';

/** The connections that are idle, by their addresses. */
export type IdleConnections = {
  /** It is idle from now on. Of an address that keeps more than it may, the longest idle is closed. */
  rest(socket: Socket, address: string): void;
  /** It is idle no more, or is gone. */
  wake(socket: Socket, address: string): void;
  /** Closes the longest idle of the address that keeps the most. */
  closeOne(): void;
};

/** `close` is called with the connections that have to go. */
export function createIdleConnections(perAddress: number, close: (socket: Socket) => void): IdleConnections {
  /** Of each address, the longest idle first. */
  const idle = new Map<string, Set<Socket>>();

  const closeLongest = (sockets: ReadonlySet<Socket> | undefined): void => {
    const [longest] = sockets ?? [];
    if (longest) close(longest);
  };
  const wake = (socket: Socket, address: string): void => {
    const own = idle.get(address);
    own?.delete(socket);
    if (own?.size === 0) idle.delete(address);
  };
  return {
    wake,
    rest(socket, address) {
      wake(socket, address);
      const own = idle.get(address) ?? new Set();
      idle.set(address, own.add(socket));
      if (own.size > perAddress) closeLongest(own);
    },
    closeOne() {
      const most = [...idle.values()].reduce<ReadonlySet<Socket> | undefined>(
        (found, own) => (found && found.size >= own.size ? found : own),
        undefined,
      );
      closeLongest(most);
    },
  };
}
