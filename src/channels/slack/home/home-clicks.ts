/** What people do on the Home tab, each with their own memory alone. */
import type { Logger } from 'pino';
import { createRequestErasure } from '../../../intake/request-erasure.ts';
import type { InboundContext, Received } from '../../channel.ts';
import { EXPORT, FORGET_ALL, FORGET_ONE, SEARCH } from './home-view.ts';
import type { Home, Visitor } from './take-home.ts';

/** Takes a click on the Home tab; undefined for one that is none of its. */
export type TakeHomeClick = (
  visitor: Visitor,
  action: { id: string; value: string },
) => Promise<Received> | undefined;

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export function createTakeHomeClick(context: InboundContext, home: Home): TakeHomeClick {
  const requestErasure = createRequestErasure(context);
  const { log } = context;
  // Nobody waits for the page: Slack wants its answer within three seconds.
  const show = (...shown: Parameters<Home['show']>): void => inBackground(log, home.show(...shown));

  const forget = async (visitor: Visitor, exchangeId: string | undefined): Promise<Received> => {
    const { scope } = visitor;
    const actor = { type: 'slack-user', userId: scope.userId } as const;
    const taken = await requestErasure({ ...scope, exchangeId }, actor);
    if (taken.kind === 'unavailable') return taken;
    if (taken.kind === 'too-many' || taken.kind === 'over-share') {
      show(visitor, { note: 'Too much is being forgotten just now: please try again later.' });
      return { kind: 'ignored', reason: 'home_busy' };
    }
    if (taken.kind !== 'accepted') {
      show(visitor, { note: 'That is gone already.' });
      return { kind: 'ignored', reason: 'home_gone' };
    }
    const without = exchangeId === undefined ? ('all' as const) : new Set([exchangeId]);
    show(visitor, { note: 'Forgotten.', without });
    return { kind: 'ignored', reason: exchangeId === undefined ? 'home_forget_all' : 'home_forget_one' };
  };

  const exporting = new Set<string>();
  const exported = (visitor: Visitor): Received => {
    const { directChannel, scope } = visitor;
    const key = `${scope.tenantId} ${scope.agentId} ${scope.userId}`;
    // One file at a time: whoever is impatient gets the first.
    if (exporting.has(key)) return { kind: 'ignored', reason: 'home_export' };
    exporting.add(key);
    const send = async (): Promise<void> => {
      const isSent = directChannel !== undefined && (await home.sendExport(visitor, directChannel));
      const note = isSent
        ? 'The file is in your messages with me.'
        : 'I can’t send it here: please ask whoever runs me for an export.';
      await home.show(visitor, { note });
    };
    inBackground(
      log,
      send().finally(() => exporting.delete(key)),
    );
    return { kind: 'ignored', reason: 'home_export' };
  };

  return (visitor, { id, value }) => {
    switch (id) {
      case SEARCH:
        show(visitor, value.trim() === '' ? {} : { query: value.trim() });
        return Promise.resolve({ kind: 'ignored', reason: 'home_search' });
      case FORGET_ONE:
        return UUID.test(value) ? forget(visitor, value) : undefined;
      case FORGET_ALL:
        return forget(visitor, undefined);
      case EXPORT:
        return Promise.resolve(exported(visitor));
      default:
        return undefined;
    }
  };
}

function inBackground(log: Logger, work: Promise<unknown>): void {
  work.catch((error: unknown) => log.warn({ err: error }, 'the Home tab is not shown'));
}
