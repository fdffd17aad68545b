/**
 * What becomes of a channel's events, however they came: by a webhook, or over a connection of the channel's.
 */
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { Listening, Received, Take, WebhookChannel } from '../channels/channel.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { AcceptMessage } from '../intake/accept-message.ts';
import type { IntakeOutcome, NewMessage } from '../intake/outcomes.ts';
import { badField, Problem, problemOf, unauthorized, unavailable } from './problems.ts';
import { createRefusals } from './refusals.ts';

/** Takes what `receive` makes of a request. Gives the body of the answer, or throws a Problem. */
export type TakeEvent = (
  channelName: string,
  receive: (deadline: number) => Promise<Received>,
) => Promise<Readonly<Record<string, unknown>> | undefined>;

export function createTakeEvent(dependencies: {
  accept: AcceptMessage;
  registry: Registry;
  log: Logger;
}): TakeEvent {
  const { accept, registry, log } = dependencies;
  const outcomes = new Counter({
    name: 'konstruct_channel_events_total',
    help: 'Events from channels: accepted, or why they were not.',
    labelNames: ['channel', 'outcome'],
    registers: [registry],
  });
  const refusals = createRefusals();
  return async (channel, receive) => {
    const count = (outcome: string): void => {
      outcomes.inc({ channel, outcome });
      log.debug({ channel, outcome }, 'channel event');
    };
    try {
      const body = await take(channel, receive, count);
      refusals.taken();
      return body;
    } catch (error) {
      if (error instanceof Problem) throw error;
      log.error({ err: error, channel }, 'a channel’s event could not be taken');
      count('unavailable');
      throw unavailable('A service');
    }
  };

  async function take(
    channel: string,
    receive: (deadline: number) => Promise<Received>,
    count: (outcome: string) => void,
  ) {
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const received = await receive(deadline);
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
        count('unavailable');
        throw unavailable(received.service);
      case 'over-share':
        count('rate_limited');
        if (refusals.mayRefuse(received.tenantId)) throw unavailable('The API');
        log.warn({ channel, tenantId: received.tenantId }, 'an event of a tenant that floods is left out');
        return undefined;
      case 'message': {
        const taken = heedRefusals(received.message, await accept(received.message, { deadline }));
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

  /** What is over its tenant's share, and may not be refused, is one message too many. */
  function heedRefusals({ tenantId }: NewMessage, outcome: IntakeOutcome): IntakeOutcome {
    if (outcome.kind !== 'over-share' || refusals.mayRefuse(tenantId)) return outcome;
    return { kind: 'rate-limited', limit: 'tenant', retryAfterMs: outcome.retryAfterMs };
  }
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
