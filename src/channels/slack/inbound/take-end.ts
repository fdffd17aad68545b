/** Events that tell that the app is gone from somewhere, carried out. */
import { within } from '../../../lib/within.ts';
import type { InboundContext, Received } from '../../channel.ts';
import { endInstallation, mayHaveEnded } from '../installations/installation-store.ts';
import type { SlackEvent } from './events.ts';
import type { FindInstallation, Installation } from './installations.ts';
import { endOf, isRefused } from './lifecycle.ts';

type Context = Pick<InboundContext, 'pool' | 'log'>;

/** Takes what tells of an end. */
export function createTakeEnd({
  findInstallation,
  context,
}: {
  findInstallation: FindInstallation;
  context: Context;
}) {
  return async ({ workspace, named, event, at }: SlackEvent, deadline: number): Promise<Received> => {
    let tenantId: string | undefined;
    let isAsking = false;
    const work = async (): Promise<Received> => {
      const exact = await findInstallation({ ...workspace, installedIn: named });
      const found = exact ?? (await findInstallation(workspace));
      if (!found) return { kind: 'ignored', reason: 'unknown_workspace' };
      ({ tenantId } = found);
      const asking = (is: boolean): void => void (isAsking = is);
      return endIfGone(context, found, { event, at, isNamed: exact !== undefined, asking });
    };
    try {
      return await within(deadline - Date.now(), work());
    } catch (error) {
      context.log.warn({ err: error }, 'whether the app is gone from somewhere can’t be found out now');
      // What Slack itself doesn't say is no outage of ours.
      if (isAsking && tenantId) return { kind: 'unavailable', service: 'Slack', tenantId, isOwn: true };
      return { kind: 'unavailable', service: 'A service', ...(tenantId && { tenantId }) };
    }
  };
}

/**
 * Ends the installation that Slack names, or the one behind it, if Slack refuses its token. `asking` is told
 * when an answer of Slack's is waited for.
 */
async function endIfGone(
  { pool, log }: Context,
  found: Installation,
  ask: Pick<SlackEvent, 'event' | 'at'> & { isNamed: boolean; asking: (is: boolean) => void },
): Promise<Received> {
  const { tenantId, stored, client } = found;
  const { event, at, isNamed, asking } = ask;
  const end = endOf(event, found);
  if (!end) return { kind: 'ignored', reason: 'other_event' };
  const told: Received = { kind: 'ignored', reason: `app_${end}` };
  const ref = stored && { tenantId, id: stored.id };
  if (!ref || !(await mayHaveEnded(pool, ref, at))) return told;
  asking(true);
  const isGone = await isRefused(client, { isNamed });
  asking(false);
  if (!isGone) {
    // Slack may say so before its own token is gone everywhere: it says it again some time later.
    return isNamed ? { kind: 'unavailable', service: 'Slack', tenantId, isOwn: true } : told;
  }
  const isEnded = await endInstallation(pool, ref, { by: end, at });
  if (isEnded) log.info({ place: stored.place, end }, 'the app is gone from there');
  return told;
}
