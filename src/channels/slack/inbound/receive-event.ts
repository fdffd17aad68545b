import { INTAKE_ENTRY_MS } from '../../../domain/timing.ts';
import { reach } from '../../../intake/availability.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import { within } from '../../../lib/within.ts';
import type { Received } from '../../channel.ts';
import type { Home } from '../home/take-home.ts';
import { createEngagedThreads } from './engaged.ts';
import { judgeEventApart, readRequest, type Judged, type SlackEvent, type Workspace } from './events.ts';
import type { Installation } from './installations.ts';
import { looseOf, textOf } from './loose.ts';
import { tellsOfEnd } from './lifecycle.ts';
import { createOncePerKey } from './once-per-key.ts';
import { takeOpening, takeStop } from './openings.ts';
import { createPersonalLimit, type PersonalLimit } from '../personal-limit.ts';
import { createFindSender } from './sender-team.ts';
import type { SlackInbound } from './slack-inbound.ts';
import { createTakeEnd } from './take-end.ts';
import { takeMessage, toComeAgain, type Taking } from './take-message.ts';

/** Slack's two events for a mention come within a second or two; its first repetition comes at once. */
const READ_KEPT_MS = 10_000;
/** As many as a person may send in a minute where nothing else is set: a burst of sixty, and sixty more. */
const READ_A_MINUTE = 120;

/** Takes events that are proven to be Slack's. */
export function createReceiveEvent(
  dependencies: SlackInbound & { home: Home; mayDo: PersonalLimit; readInTurn: FairPlaces },
) {
  const { findInstallation, findAgentOf, lookUpNames, allowedBots, context, home, mayDo, readInTurn } =
    dependencies;
  const { pool, redis, log } = context;
  const readOnce: Taking['readOnce'] = createOncePerKey({ keptMs: READ_KEPT_MS, maxKept: 200 });
  const mayRead = createPersonalLimit(READ_A_MINUTE);
  const takeEnd = createTakeEnd(dependencies);
  loadReader();
  const findSender = createFindSender();
  const engaged = createEngagedThreads(redis, readInTurn);
  const beside = { lookUpNames, findSender, engaged, readOnce, mayDo, mayRead, readInTurn };
  const taking: Taking = { pool, redis, log, ...beside };

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

  async function receive(request: SlackEvent, deadline: number): Promise<Received> {
    if (tellsOfEnd(request.event)) return takeEnd(request, deadline);
    const { workspace, event } = request;
    let installation: Installation | undefined;
    try {
      installation = await within(deadline - Date.now(), findInstallation(workspace));
    } catch {
      return { kind: 'unavailable', service: 'A service' };
    }
    const team = workspace.teamId ?? workspace.enterpriseId;
    if (!installation || !team) return { kind: 'ignored', reason: 'unknown_workspace' };
    const self = { ...installation, isShared: workspace.isShared };
    const judged = await judgeInTime(event, { team, deadline }, self, allowedBots);
    const { tenantId } = installation;
    if (!judged) return { kind: 'over-share', tenantId };
    try {
      return await takeJudged(judged, { team, workspace, deadline }, installation);
    } catch (error) {
      log.error({ err: error, tenantId }, 'an event of Slack could not be taken');
      return { kind: 'unavailable', service: 'A service', tenantId };
    }
  }

  async function takeJudged(
    judged: Judged,
    from: { team: string; workspace: Workspace; deadline: number },
    installation: Installation,
  ): Promise<Received> {
    const { team, workspace, deadline } = from;
    const { tenantId } = installation;
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
          const of = { pool, tenantId };
          agentId = await reach('The database', deadline, findAgentOf(installation, judged.channel), of);
        } catch (error) {
          return toComeAgain(error, tenantId);
        }
        return takeMessage(taking, judged, from, { ...installation, agentId });
      }
    }
  }
}

/** Undefined when so many other events of its tenant are judged that too little time is left to take it. */
async function judgeInTime(
  event: unknown,
  { team, deadline }: { team: string; deadline: number },
  { tenantId, botUserId, botId, isShared }: Installation & { isShared: boolean },
  allowedBots: ReadonlySet<string>,
): Promise<Judged | undefined> {
  const leftMs = deadline - INTAKE_ENTRY_MS - Date.now();
  if (leftMs <= 0) return undefined;
  const signal = AbortSignal.timeout(leftMs);
  try {
    // Slack's word, not proven yet: it says whose text is read.
    const userId = textOf(looseOf(event)['user']) || team;
    const owner = { tenantId, userId, signal };
    const self = { botUserId, botId, isShared };
    // The signal ends the wait for a place alone.
    return await within(leftMs, judgeEventApart(owner, event, self, allowedBots));
  } catch {
    return undefined;
  }
}

/** So that the first event finds its reader: Slack waits three seconds. */
function loadReader(): void {
  const nobody = { botUserId: '', botId: undefined };
  void judgeEventApart({ tenantId: '', userId: '' }, undefined, nobody, new Set());
}
