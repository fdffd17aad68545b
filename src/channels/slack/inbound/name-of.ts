import type { Logger } from 'pino';
import { INTAKE_CHANNEL_WITHIN_MS } from '../../../domain/timing.ts';
import { within } from '../../../lib/within.ts';
import type { NameOf } from '../../channel.ts';
import type { FindOwn } from './installations.ts';
import type { LookUpNames } from './names.ts';

/** As `userIdOf` makes them. */
const USER_ID = /^slack:([^:]+):([^:]+)$/;

/**
 * What somebody is called in Slack, by the id under which they are remembered and by the look-up that their
 * messages come with. People of other companies are known in places of their host alone, which their id
 * doesn't name.
 */
export function createNameOf({
  findOwn,
  lookUpNames,
  log,
}: {
  findOwn: FindOwn;
  lookUpNames: LookUpNames;
  log: Logger;
}): NameOf {
  return async ({ tenantId, userId }) => {
    const [, home, user] = USER_ID.exec(userId) ?? [];
    if (home === undefined || user === undefined) return undefined;
    const lookUp = async (): Promise<string | undefined> => {
      const installation = await findOwn(tenantId, home);
      if (!installation) return undefined;
      const names = await lookUpNames(installation, home, [user], INTAKE_CHANNEL_WITHIN_MS);
      return names.get(user);
    };
    return within(INTAKE_CHANNEL_WITHIN_MS, lookUp()).catch((error: unknown) => {
      log.warn({ err: error, tenantId }, 'a name could not be looked up in Slack');
      return undefined;
    });
  };
}
