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
    const ask: { tenantId?: string; waits: boolean } = { waits: false };
    const work = async (): Promise<Received> => {
      const exact = await findInstallation({ ...workspace, installedIn: named });
      const found = exact ?? (await findInstallation(workspace));
      if (!found) return { kind: 'ignored', reason: 'unknown_workspace' };
      ask.tenantId = found.tenantId;
      return endIfGone(context, found, { event, at, isNamed: exact !== undefined, ask });
    };
    try {
      return await within(deadline - Date.now(), work());
    } catch (error) {
      context.log.warn({ err: error }, 'whether the app is gone from somewhere can’t be found out now');
      // What Slack itself doesn't say is no outage of ours.
      const { tenantId } = ask;
      if (ask.waits && tenantId) return { kind: 'unavailable', service: 'Slack', tenantId, isOwn: true };
      return { kind: 'unavailable', service: 'A service', ...(tenantId && { tenantId }) };
    }
  };
}

/**
 * Ends the installation that Slack names, or the one behind it, if Slack refuses its token. `ask` says while
 * Slack is waited for.
 */
async function endIfGone(
  { pool, log }: Context,
  found: Installation,
  told: Pick<SlackEvent, 'event' | 'at'> & { isNamed: boolean; ask: { waits: boolean } },
): Promise<Received> {
  const { tenantId, stored, client } = found;
  const { event, at, isNamed, ask } = told;
  const end = endOf(event, found);
  if (!end) return { kind: 'ignored', reason: 'other_event' };
  const heard: Received = { kind: 'ignored', reason: `app_${end}` };
  const ref = stored && { tenantId, id: stored.id };
  if (!ref || !(await mayHaveEnded(pool, ref, at))) return heard;
  ask.waits = true;
  const isGone = await isRefused(client, { isNamed });
  ask.waits = false;
  if (!isGone) {
    // Slack may say so before its own token is gone everywhere: it says it again some time later.
    return isNamed ? { kind: 'unavailable', service: 'Slack', tenantId, isOwn: true } : heard;
  }
  const isEnded = await endInstallation(pool, ref, { by: end, at });
  if (isEnded) log.info({ place: stored.place, end }, 'the app is gone from there');
  return heard;
}
