import { createFairPlaces, type FairPlaces } from '../../../lib/fair-places.ts';
import { within } from '../../../lib/within.ts';
import { parseJson } from '../../../lib/parse-json.ts';
import type { Received, Take, WebhookChannel, WebhookRequest } from '../../channel.ts';
import { createTakeHomeClick } from '../home/home-clicks.ts';
import { createHome, type Home } from '../home/take-home.ts';
import { createFindColleagues } from './colleagues.ts';
import { createHandingOver } from './handing-over.ts';
import { createNameOf } from './name-of.ts';
import { payloadIn, readClick } from './interactions.ts';
import { userIdOf } from './people.ts';
import { createPersonalLimit, type PersonalLimit } from '../personal-limit.ts';
import { createReceiveEvent } from './receive-event.ts';
import type { SlackInbound } from './slack-inbound.ts';
import { isFromSlack, isSignedNow } from './signature.ts';
import { listenBySocket } from './socket-mode.ts';
import { takeClick, type TakingClicks } from './take-click.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/**
 * Messages, and tellings of who takes over, of a tenant that is alone in a process whose files and threads
 * are read at once: each holds a page of a thread, and five files.
 */
const READ_AT_ONCE = 10;

/** Slack sends clicks, and what else comes beside events, no second time. */
const ANSWERED: Received = { kind: 'answered', body: undefined, isOnce: true };

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
  const { signingSecret, socket, context } = dependencies;
  const { log } = context;
  const readInTurn = createFairPlaces(READ_AT_ONCE);
  const beside = { home: createHome(context), mayDo: createPersonalLimit(), readInTurn };
  const receiveEvent = createReceiveEvent({ ...dependencies, ...beside });
  const receiveClick = createReceiveClick({ ...dependencies, ...beside });
  const receive = async (request: WebhookRequest, deadline: number): Promise<Received> => {
    const body = request.body.toString('utf8');
    const proof = proofIn((name) => request.header(name));
    const isSigned = signingSecret !== undefined && isFromSlack({ ...proof, body }, signingSecret);
    if (!isSigned) return { kind: 'unauthenticated', needed: NOT_SIGNED };
    if (request.path === 'interactions') return receiveClick(payloadIn(body), deadline);
    return receiveEvent(parseJson(body), deadline);
  };
  const listen = (take: Take, connection: NonNullable<typeof socket>) =>
    listenBySocket(
      { ...connection, log },
      ({ type, body }, deadline) => {
        if (type === 'events_api') return receiveEvent(body, deadline);
        return type === 'interactive' ? receiveClick(body, deadline) : Promise.resolve(ANSWERED);
      },
      take,
    );
  return {
    name: 'slack',
    // Without the secret nobody can prove anything.
    paths: signingSecret === undefined ? [] : ['events', 'interactions'],
    maxBodyBytes: MAX_BODY_BYTES,
    receive,
    unproven: (header) => (isSignedNow(proofIn(header)) ? undefined : NOT_SIGNED),
    handingOver: createHandingOver({ ...context, ...dependencies, readInTurn }),
    nameOf: createNameOf({ ...context, ...dependencies }),
    ...(socket && { listen: (take: Take) => listen(take, socket) }),
  };
}

/** Clicks on our buttons, over whichever way they come. */
function createReceiveClick(
  dependencies: SlackInbound & { home: Home; mayDo: PersonalLimit; readInTurn: FairPlaces },
) {
  const { findInstallation, findAgentOf, context, home, mayDo, readInTurn } = dependencies;
  const takeHomeClick = createTakeHomeClick(context, home);
  const taking: TakingClicks = { ...context, findAgentOf, takeHomeClick, mayDo, readInTurn };
  const findColleagues = createFindColleagues();
  return async (sent: unknown, deadline: number): Promise<Received> => {
    const click = readClick(sent);
    if (!click) return ANSWERED;
    const work = async (): Promise<Received> => {
      const installation = await findInstallation(click.workspace);
      if (!installation) return { kind: 'ignored', reason: 'unknown_workspace' };
      const isMore = await mayDo(installation.tenantId, userIdOf(click, click.workspace));
      if (!isMore) return { kind: 'ignored', reason: 'too_many_clicks' };
      return takeClick(taking, await findColleagues(click, installation), installation);
    };
    try {
      return { ...(await within(deadline - Date.now(), work())), isOnce: true };
    } catch (error) {
      context.log.warn({ err: error }, 'a click in Slack came to nothing');
      return { kind: 'unavailable', service: 'A service', isOnce: true };
    }
  };
}
