import { within } from '../../../lib/within.ts';
import type { Received } from '../../channel.ts';
import type { Home } from '../home/take-home.ts';
import { endInstallation } from '../installations/installation-store.ts';
import { judgeEvent, readRequest, type Workspace } from './events.ts';
import type { Installation } from './installations.ts';
import { endOf } from './lifecycle.ts';
import { createOncePerKey } from './once-per-key.ts';
import { takeOpening, takeStop } from './openings.ts';
import type { PersonalLimit } from './personal-limit.ts';
import type { SlackInbound } from './slack-inbound.ts';
import { takeMessage, type Taking } from './take-message.ts';

/** Slack's two events for a mention come within a second or two; its first repetition comes at once. */
const READ_KEPT_MS = 10_000;

/** Takes events that are proven to be Slack's. */
export function createReceiveEvent(dependencies: SlackInbound & { home: Home; mayDo: PersonalLimit }) {
  const { findInstallation, findAgentOf, lookUpNames, allowedBots, context, home, mayDo } = dependencies;
  const { pool, redis, log } = context;
  const readOnce: Taking['readOnce'] = createOncePerKey({ keptMs: READ_KEPT_MS, maxKept: 200 });
  const taking: Taking = { lookUpNames, pool, redis, log, readOnce };

  return async (sent: unknown, deadline: number): Promise<Received> => {
    const request = readRequest(sent);
    switch (request?.kind) {
      case 'challenge':
        return { kind: 'answered', body: { challenge: request.challenge } };
      case 'other':
        if (request.type === 'app_rate_limited') log.warn('Slack holds events back: too many in a minute');
        return { kind: 'ignored', reason: 'other_request' };
      case undefined:
        return { kind: 'ignored', reason: 'unreadable' };
      case 'event':
        return receive(request, deadline);
    }
  };

  async function receive(
    { workspace, event, at }: { workspace: Workspace; event: unknown; at: number | undefined },
    deadline: number,
  ): Promise<Received> {
    let installation: Installation | undefined;
    try {
      installation = await within(deadline - Date.now(), findInstallation(workspace));
    } catch {
      return { kind: 'unavailable', service: 'Slack' };
    }
    const team = workspace.teamId ?? workspace.enterpriseId;
    if (!installation || !team) return { kind: 'ignored', reason: 'unknown_workspace' };
    const end = endOf(event, installation);
    if (end) return takeEnd(installation, end, { at, deadline });
    const judged = judgeEvent(event, installation, allowedBots);
    switch (judged.kind) {
      case 'ignored':
        return judged;
      case 'opening':
        return takeOpening({ redis, log, home, mayDo }, judged, { team, workspace, installation });
      case 'stop':
        return takeStop(redis, judged, { team, workspace, installation });
      case 'message': {
        let agentId: string;
        try {
          agentId = await within(deadline - Date.now(), findAgentOf(installation, judged.channel));
        } catch {
          return { kind: 'unavailable', service: 'The database' };
        }
        return takeMessage(taking, judged, { team, workspace, deadline }, { ...installation, agentId });
      }
    }
  }

  /** The app is gone from there. */
  async function takeEnd(
    { tenantId, stored }: Installation,
    end: 'uninstalled' | 'revoked',
    { at, deadline }: { at: number | undefined; deadline: number },
  ): Promise<Received> {
    if (stored) {
      const ending = endInstallation(pool, { tenantId, id: stored.id }, { by: end, at });
      const isEnded = await within(deadline - Date.now(), ending);
      if (isEnded) log.info({ place: stored.place, end }, 'the app is gone from there');
    }
    return { kind: 'ignored', reason: `app_${end}` };
  }
}
