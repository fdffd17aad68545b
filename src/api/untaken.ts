/**
 * Answers that their readers have not taken: what they hold of the process is bounded. Node counts a text by
 * its letters, so what may be long is written as bytes.
 */
import type { Response } from 'express';
import { createRoom } from '../lib/room.ts';
import { Problem, retryAfter } from './problems.ts';

/** Of all tenants together. What the system keeps for a reader, some megabytes at most, doesn't count. */
export const UNTAKEN_BYTES = 64_000_000;
const ASK_AGAIN_MS = 1_000;

const measures = new WeakMap<Response, () => void>();

/** Looks anew how much of an answer waits. To be called for one that is written bit by bit. */
export const measureUntaken = (res: Response): void => measures.get(res)?.();

/**
 * Counts what waits of a tenant's answers, each from its end on. The result is called before anything is done
 * for an answer, and throws a Problem when those of its tenant fill its share. What is under way then may be
 * more than there is room for: the tenant that holds the most loses the answer that waits for longest.
 */
export function createUntaken(roomBytes = UNTAKEN_BYTES): (tenantId: string, res: Response) => void {
  const room = createRoom(roomBytes);
  return (tenantId, res) => {
    if (room.hasShare(tenantId)) throw tooManyUntaken();
    // Whoever sends and goes holds nothing.
    if (res.closed) return;
    const held = room.hold(tenantId, () => res.destroy());
    const measure = (): void => held.set(res.writableLength);
    measures.set(res, measure);
    res.on('prefinish', measure).on('drain', measure).once('close', held.end);
  };
}

const tooManyUntaken = (): Problem =>
  new Problem(
    429,
    'Too many unread answers',
    'Answers of this tenant that nobody has read yet fill its share of this process: read them, and ask again.',
    { headers: retryAfter(ASK_AGAIN_MS), members: { limit: 'share', retryAfterMs: ASK_AGAIN_MS } },
  );
