import { mostKept, mostPlaces } from '../lib/shares.ts';
import { CALLS_AT_ONCE } from './calls-under-way.ts';
import { MOST_UNSEEN } from './key-lookup.ts';

/** For those that do nothing, for the operator's and for what channels send. */
const OTHERS = 2_500;

/** How many connections whoever has keys, or tries some, can keep busy: what all their places add up to. */
export const busyConnections = (waitingRequests: number): number =>
  2 * mostKept(CALLS_AT_ONCE) + mostPlaces(waitingRequests) + MOST_UNSEEN;

/** What a process takes: each who comes finds a connection, whatever others keep busy. */
export const connectionsFor = (waitingRequests: number): number => busyConnections(waitingRequests) + OTHERS;
