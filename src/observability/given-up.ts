import type { Logger } from 'pino';
import { GIVEN_UP, type GivenUp } from '../lib/apart.ts';

/** Writes a line into the log for each text that could not be read in time. It never holds the text. */
export function logGivenUp(log: Logger): void {
  GIVEN_UP.subscribe((message) => {
    log.warn(message as GivenUp, 'a text could not be read in time: it is taken as plain');
  });
}
