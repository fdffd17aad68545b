/**
 * What becomes of a channel's events, however they came: by a webhook, or over a connection of the channel's.
 */
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { Listening, Received, Take, WebhookChannel } from '../channels/channel.ts';
import { hasEnded } from '../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { AcceptMessage } from '../intake/accept-message.ts';
import type { IntakeOutcome, NewMessage } from '../intake/outcomes.ts';
import { badField, Problem, problemOf, unauthorized, unavailable } from './problems.ts';
import type { Readiness } from './readiness.ts';
import { createFailures, createRefusals } from './refusals.ts';

/** What a service that doesn't answer is given until it is asked again. */
const AWAY_FOR_MS = 2_000;

/** What the channel is to send again. */
type Refused = Extract<Received, { kind: 'unavailable' | 'over-share' }>;

/** What a fault of ours looks like from outside. */
const FAILED = { kind: 'unavailable', service: 'A service' } as const;

/** `isFailure`: a service has failed the tenant, which has not its share of one. */
type MayRefuse = (tenantId: string | undefined, isFailure: boolean) => Promise<boolean>;

/** Takes what `receive` makes of a request. Gives the body of the answer, or throws a Problem. */
export type TakeEvent = (
  channelName: string,
  receive: (deadline: number) => Promise<Received>,
) => Promise<Readonly<Record<string, unknown>> | undefined>;

/**
 * `isOutage` is asked before an event is refused: while it says so, all may come again, and none counts. That
 * intake fails one tenant is no proof, since its own doing may be why; that it fails several at once is, and
 * so is a service that says itself that it can't do its work.
 */
export function createTakeEvent(dependencies: {
  accept: AcceptMessage;
  isOutage: Readiness['isOutage'];
  registry: Registry;
  log: Logger;
}): TakeEvent {
  const { accept, isOutage, registry, log } = dependencies;
  const outcomes = countOutcomes(registry);
  const refusals = createRefusals();
  const failures = createFailures();
  const mayRefuse: MayRefuse = async (tenantId, isFailure) => {
    const isCommon = isFailure && tenantId !== undefined && failures.failed(tenantId);
    return isCommon || (await isOutage()) || refusals.mayRefuse(tenantId);
  };
  return async (channel, receive) => {
    const count = (outcome: string): void => {
      outcomes.inc({ channel, outcome });
      log.debug({ channel, outcome }, 'channel event');
    };
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    try {
      const received = await receive(deadline);
      const body = await take(channel, received, deadline, count);
      if (!received.isOnce) refusals.taken();
      return body;
    } catch (error) {
      if (error instanceof Problem) throw error;
      log.error({ err: error, channel }, 'a channel’s event could not be taken');
      await refuse(channel, FAILED, count);
      refusals.taken();
      return undefined;
    }
  };

  async function take(
    channel: string,
    received: Received,
    deadline: number,
    count: (outcome: string) => void,
  ) {
    switch (received.kind) {
      case 'answered':
        return received.body;
      case 'ignored':
        count(received.reason);
        return undefined;
      case 'unauthenticated':
        throw unauthorized(received.needed);
      case 'invalid':
        throw badField(received);
      case 'unavailable':
      case 'over-share':
        await refuse(channel, received, count);
        return undefined;
      case 'message': {
        const outcome = await accept(received.message, { deadline }).catch(failed(log, channel));
        const taken = await heedRefusals(mayRefuse, received.message, outcome);
        if (taken.kind === 'accepted' && !hasEnded(taken.turn.state)) failures.accepted();
        received.settled?.(taken);
        count(wordFor(taken));
        // The channel delivers both again.
        if (taken.kind === 'unavailable' || taken.kind === 'over-share') throw problemOf(taken);
        if (wordFor(taken) === 'rejected') {
          // A redelivery would fare no better, and a channel that sees many failures stops sending.
          log.error({ channel, reason: taken.kind }, 'a channel’s message can not be accepted');
        }
        return undefined;
      }
    }
  }

  /** Has the channel send an event again; leaves it out when that may not be. */
  async function refuse(channel: string, received: Refused, count: (outcome: string) => void): Promise<void> {
    const { tenantId, isOnce } = received;
    const isShare = received.kind === 'over-share';
    count(isShare ? 'rate_limited' : 'unavailable');
    // What the channel itself refuses it refuses in an outage of ours, too.
    const isOwn = !isShare && received.isOwn;
    if (isOnce || (isOwn ? refusals.mayRefuse(tenantId) : await mayRefuse(tenantId, !isShare))) {
      throw unavailable(isShare ? 'The API' : received.service);
    }
    log.warn({ channel, tenantId }, 'an event of a tenant is left out: too many of its are refused');
  }
}

/** What a fault of ours is to whoever sent the message, who hears of it as of any other outcome. */
const failed = (log: Logger, channel: string) => (error: unknown) => {
  log.error({ err: error, channel }, 'a channel’s message could not be accepted');
  return FAILED;
};

const countOutcomes = (registry: Registry) =>
  new Counter({
    name: 'konstruct_channel_events_total',
    help: 'Events from channels: accepted, or why they were not.',
    labelNames: ['channel', 'outcome'],
    registers: [registry],
  });

/** What should come again, and may not be refused, is one message too many. */
async function heedRefusals(
  mayRefuse: MayRefuse,
  { tenantId }: NewMessage,
  outcome: IntakeOutcome,
): Promise<IntakeOutcome> {
  const isRefused = outcome.kind === 'over-share' || outcome.kind === 'unavailable';
  if (!isRefused || (outcome.kind === 'unavailable' && outcome.isProven)) return outcome;
  if (await mayRefuse(tenantId, outcome.kind === 'unavailable')) return outcome;
  const retryAfterMs = outcome.kind === 'over-share' ? outcome.retryAfterMs : AWAY_FOR_MS;
  return { kind: 'rate-limited', limit: 'tenant', retryAfterMs };
}

/** Opens the connections of channels that call us over one of their own. */
export function listenAll(channels: readonly WebhookChannel[], takeEvent: TakeEvent): Listening[] {
  return channels.flatMap(({ name, listen }) => listen?.(takeOver(takeEvent, name)) ?? []);
}

/** What is not taken is to be sent again. */
function takeOver(takeEvent: TakeEvent, channelName: string): Take {
  return async (receive) => {
    try {
      return { kind: 'taken', body: await takeEvent(channelName, receive) };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // What is wrong with the event itself would be as wrong again.
      const isOver = error.status < 500 && error.status !== 429;
      return isOver ? { kind: 'taken', body: undefined } : { kind: 'send-again' };
    }
  };
}

/** The outcome as it is counted: few words, so that the metric stays small. */
function wordFor(taken: IntakeOutcome): 'accepted' | 'rejected' | 'rate_limited' | 'unavailable' {
  switch (taken.kind) {
    case 'accepted':
    case 'unavailable':
      return taken.kind;
    case 'rate-limited':
    case 'over-share':
      return 'rate_limited';
    case 'unknown-agent':
    case 'key-reused':
      return 'rejected';
  }
}
