import { isStatementTimeout } from './outage.ts';

/**
 * Calls `doSome` until nothing is left to do: some rows at a time, and half as many where the statement's
 * time is over before they are done.
 * @param doSome one transaction; gives whether anything is left
 */
export async function inParts(atMost: number, doSome: (atMost: number) => Promise<boolean>): Promise<void> {
  let some = atMost;
  for (let isLeft = true; isLeft;) {
    try {
      isLeft = await doSome(some);
    } catch (error) {
      if (some === 1 || !isStatementTimeout(error)) throw error;
      some = Math.floor(some / 2);
    }
  }
}
