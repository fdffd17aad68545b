/** Where answers are read: one thread and one room for those of all tenants of a process. */
import { createFairThread } from '../lib/fair-thread.ts';
import { createRoom, type Held } from '../lib/room.ts';

/**
 * Bytes that all answers of a process hold while they are unfinished. A worker's two hundred of the longest
 * would fill its heap, and each would come back, since nothing counts an attempt that dies with its process.
 */
const ROOM_BYTES = 100_000_000;

/** A tenant's place there. */
export type Desk = {
  /** Does a step of some milliseconds when it is the tenant's turn. */
  inTurn: <T>(step: () => T) => Promise<T>;
  /** What an answer holds. `giveWay` is called when there is too much, and this tenant holds most of it. */
  hold: (giveWay: () => void) => Held;
};

export function createDesks(roomBytes = ROOM_BYTES): (tenantId: string) => Desk {
  const inTurn = createFairThread();
  const room = createRoom(roomBytes);
  return (tenantId) => ({
    inTurn: (step) => inTurn(tenantId, step),
    hold: (giveWay) => room.hold(tenantId, giveWay),
  });
}
