/** A module whose thread ends while it is loaded, as one does for which the machine has no room. */
import { isMainThread } from 'node:worker_threads';
import { apart } from '../../src/lib/apart.ts';

if (!isMainThread) process.exit(1);

export const lengthOf = (text: string): number => text.length;

export const readUnloadable = apart(import.meta.url, lengthOf, () => -1);
