import type pg from 'pg';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import { within } from '../../../lib/within.ts';
import type { Received, Take, WebhookChannel, WebhookRequest } from '../../channel.ts';
import { judgeEvent, readRequest } from './events.ts';
import { endInstallation } from '../installations/installation-store.ts';
import type { FindAgent, FindInstallation, Installation } from './installations.ts';
import { createHandingOver } from './handing-over.ts';
import { endOf } from './lifecycle.ts';
import type { LookUpNames } from './names.ts';
import { createOncePerKey } from './once-per-key.ts';
import { isFromSlack, isSignedNow } from './signature.ts';
import { payloadIn, readClick } from './interactions.ts';
import { listenBySocket } from './socket-mode.ts';
import { takeClick } from './take-click.ts';
import { takeOpening, takeStop } from './openings.ts';
import { takeMessage, type Taking } from './take-message.ts';

type SlackInbound = {
  /** Undefined: nothing comes over HTTP. */
  signingSecret: string | undefined;
  /** Undefined: nothing comes over a connection of our own. */
  socket: { appToken: string; apiUrl: string } | undefined;
  findInstallation: FindInstallation;
  findAgent: FindAgent;
  lookUpNames: LookUpNames;
  /** Bot and user ids of other bots that the agent answers. */
  allowedBots: ReadonlySet<string>;
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
};

const MAX_BODY_BYTES = 1024 * 1024;

const ANSWERED: Received = { kind: 'answered', body: undefined };

/** Slack's two events for a mention come within a second or two; its first repetition comes at once. */
const READ_KEPT_MS = 10_000;

const NOT_SIGNED = 'The request is not signed by Slack, or not within five minutes.';

const proofIn = (header: WebhookRequest['header']) => ({
  timestamp: header('x-slack-request-timestamp'),
  signature: header('x-slack-signature'),
});

/**
 * `POST /slack/events` and `/slack/interactions`, where a request counts only with Slack's signature; and
 * what comes by Socket Mode, which Slack's own connection proves.
 */
export function createSlackInbound(dependencies: SlackInbound): WebhookChannel {
  const { signingSecret, socket, findInstallation, findAgent, lookUpNames, allowedBots, pool, redis, log } =
    dependencies;
  const readOnce: Taking['readOnce'] = createOncePerKey({ keptMs: READ_KEPT_MS, maxKept: 200 });
  const taking: Taking = { lookUpNames, pool, redis, log, readOnce };
  return {
    name: 'slack',
    // Without the secret nobody can prove anything.
    paths: signingSecret === undefined ? [] : ['events', 'interactions'],
    maxBodyBytes: MAX_BODY_BYTES,
    receive,
    unproven: (header) => (isSignedNow(proofIn(header)) ? undefined : NOT_SIGNED),
    handingOver: createHandingOver({ pool, redis, log, findInstallation, findAgentOf: findAgent }),
    ...(socket && {
      listen: (take: Take) =>
        listenBySocket(
          { ...socket, log },
          ({ type, body }, deadline) => {
            if (type === 'events_api') return receiveEvent(body, deadline);
            return type === 'interactive' ? receiveClick(body, deadline) : Promise.resolve(ANSWERED);
          },
          take,
        ),
    }),
  };

  async function receive(request: WebhookRequest, deadline: number): Promise<Received> {
    const body = request.body.toString('utf8');
    const proof = proofIn((name) => request.header(name));
    const isSigned = signingSecret !== undefined && isFromSlack({ ...proof, body }, signingSecret);
    if (!isSigned) return { kind: 'unauthenticated', needed: NOT_SIGNED };
    // No message of ours has buttons yet; Slack wants an answer all the same.
    if (request.path === 'interactions') return receiveClick(payloadIn(body), deadline);
    return receiveEvent(parseJson(body), deadline);
  }

  async function receiveClick(sent: unknown, deadline: number): Promise<Received> {
    const click = readClick(sent);
    if (!click) return ANSWERED;
    try {
      const work = async (): Promise<Received> => {
        const installation = await findInstallation(click.workspace);
        if (!installation) return { kind: 'ignored', reason: 'unknown_workspace' };
        return takeClick({ pool, redis, log, findAgentOf: findAgent }, click, installation);
      };
      return await within(deadline - Date.now(), work());
    } catch (error) {
      log.warn({ err: error }, 'a click in Slack came to nothing');
      return { kind: 'unavailable', service: 'A service' };
    }
  }

  async function receiveEvent(sent: unknown, deadline: number): Promise<Received> {
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
        break;
    }
    const { workspace, event } = request;
    let installation: Installation | undefined;
    try {
      installation = await within(deadline - Date.now(), findInstallation(workspace));
    } catch {
      return { kind: 'unavailable', service: 'Slack' };
    }
    const team = workspace.teamId ?? workspace.enterpriseId;
    if (!installation || !team) return { kind: 'ignored', reason: 'unknown_workspace' };
    const end = endOf(event, installation);
    if (end) {
      if (installation.stored) {
        const { tenantId, stored } = installation;
        await within(deadline - Date.now(), endInstallation(pool, { tenantId, id: stored.id }, end));
        log.info({ place: stored.place, end }, 'the app is gone from there');
      }
      return { kind: 'ignored', reason: `app_${end}` };
    }
    const judged = judgeEvent(event, installation, allowedBots);
    switch (judged.kind) {
      case 'ignored':
        return judged;
      case 'opening':
        return takeOpening({ redis, log }, judged, { team, workspace, installation });
      case 'stop':
        return takeStop(redis, judged, { team, workspace, installation });
      case 'message': {
        let agentId: string;
        try {
          agentId = await within(deadline - Date.now(), findAgent(installation, judged.channel));
        } catch {
          return { kind: 'unavailable', service: 'The database' };
        }
        return takeMessage(taking, judged, { team, workspace, deadline }, { ...installation, agentId });
      }
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
