import type { Socket } from 'node:net';

/**
 * What a connection does. It has asked for nothing yet; it is kept between two requests; what it sends is not
 * whole; it doesn't take all of its answer; what it has asked for is under way. Connections are idle but for
 * the last.
 */
export type Doing = 'nothing' | 'kept' | 'half' | 'untaken' | 'answer';
const IDLE = ['nothing', 'kept', 'half', 'untaken'] as const;

/** The connections that are there, by who has them. */
export type Connections = {
  /** One is new, or does something else from now on. */
  set(socket: Socket, owner: string, doing: Doing): void;
  /** One is gone. */
  remove(socket: Socket): void;
  /** How many are idle. */
  idle(): number;
  /**
   * Closes one that has been idle for more than a moment, of an owner with more than a few connections: first
   * one that has asked for nothing, then one of those that most do the same of. The longest so goes.
   */
  closeIdle(): void;
  /**
   * Closes one in any case: one that has asked for nothing for more than a moment, whoever has it. Then, of
   * the owner that has more than half of all, or of any where none has: one that is idle for more than a
   * moment, one that is idle, or the owner's that is busy for longest.
   */
  closeOne(): void;
};

export type ConnectionLimits = {
  /** So many of one owner stay while there is room for more. */
  few: number;
  /** Who has just come is about to ask, and who has just been answered may ask again. */
  momentMs: number;
};

/** An owner's connections, and since when each does what it does: the longest first. */
type Own = Record<Doing, Map<Socket, number>>;

const sizeOf = (own: Own): number => own.answer.size + IDLE.reduce((sum, doing) => sum + own[doing].size, 0);

/** `close` is called with the connections that have to go, and is to remove them. */
export function createConnections(limits: ConnectionLimits, close: (socket: Socket) => void): Connections {
  const owners = new Map<string, Own>();
  const open = new Map<Socket, { owner: string; doing: Doing }>();
  let busy = 0;

  /** Closes one of the most that do the same of one owner, if the longest has done so since this moment. */
  const closeLongest = (of: Iterable<Own>, doings: readonly Doing[], since: number): boolean => {
    let most = new Map<Socket, number>();
    for (const own of of) {
      for (const doing of doings) {
        const [longest = Infinity] = own[doing].values();
        if (longest <= since && own[doing].size > most.size) most = own[doing];
      }
    }
    const [longest] = most.keys();
    if (longest) close(longest);
    return longest !== undefined;
  };

  const remove = (socket: Socket): void => {
    const { owner = '', doing = 'nothing' } = open.get(socket) ?? {};
    const own = owners.get(owner);
    if (!open.delete(socket) || !own) return;
    own[doing].delete(socket);
    if (doing === 'answer') busy -= 1;
    if (sizeOf(own) === 0) owners.delete(owner);
  };
  return {
    remove,
    set(socket, owner, doing) {
      // Who takes an answer bit by bit has not begun anew.
      if (open.get(socket)?.doing === doing) return;
      remove(socket);
      const own = owners.get(owner) ?? none();
      own[doing].set(socket, performance.now());
      owners.set(owner, own);
      open.set(socket, { owner, doing });
      if (doing === 'answer') busy += 1;
    },
    idle: () => open.size - busy,
    closeIdle() {
      const many = [...owners.values()].filter((own) => sizeOf(own) > limits.few);
      const aMomentAgo = performance.now() - limits.momentMs;
      if (!closeLongest(many, ['nothing'], aMomentAgo)) closeLongest(many, IDLE, aMomentAgo);
    },
    closeOne() {
      const now = performance.now();
      const all = [...owners.values()];
      const most = all.reduce((one, own) => (sizeOf(own) > sizeOf(one) ? own : one), none());
      const of = 2 * sizeOf(most) > open.size ? [most] : all;
      const aMomentAgo = now - limits.momentMs;
      if (closeLongest(all, ['nothing'], aMomentAgo) || closeLongest(of, IDLE, aMomentAgo)) return;
      if (!closeLongest(of, IDLE, now)) closeLongest([most], ['answer'], now);
    },
  };
}

const none = (): Own => ({
  nothing: new Map(),
  kept: new Map(),
  half: new Map(),
  untaken: new Map(),
  answer: new Map(),
});
