/** Whoever reads an answer may be gone at any moment, also before anybody has looked. */
import type { Response } from 'express';
import { Problem } from './problems.ts';

/** Calls back once the answer is closed: now, if it is. `close` alone is never told of one that was. */
export function whenClosed(res: Response, callback: () => void): void {
  if (res.closed) callback();
  else res.once('close', callback);
}

/** Throws when nobody reads the answer any more: what is done for it would be done for nobody. */
export function requireReader(res: Response): void {
  if (res.closed) throw new Problem(408, 'Nobody reads', 'The connection was closed before the answer.');
}
