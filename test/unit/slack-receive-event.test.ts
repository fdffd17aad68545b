/** What becomes of Slack's events while their tenant has much under way, and little time is left. */
import { randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { createReceiveEvent } from '../../src/channels/slack/inbound/receive-event.ts';
import { createPersonalLimit } from '../../src/channels/slack/personal-limit.ts';
import type { Received } from '../../src/channels/channel.ts';
import { INTAKE_ENTRY_MS } from '../../src/domain/timing.ts';
import { readLetters } from '../support/apart-readers.ts';

jest.setTimeout(60_000);

/** Receives messages of a tenant of its own; `replies` is what Slack says of a thread. */
function receiving(replies: (tenantId: string) => object = () => ({ messages: [] })) {
  const tenantId = randomUUID();
  const client = { conversations: { replies: async () => replies(tenantId) } };
  const stored = { id: randomUUID(), place: 'T1' };
  const installation = { tenantId, agentId: 'a', botUserId: 'UBOT', botId: 'BBOT', client, stored };
  const redis = { get: async () => null, set: async () => 'OK' };
  const log = pino({ level: 'silent' });
  const receive = createReceiveEvent({
    findInstallation: async () => installation,
    findAgentOf: async () => 'a',
    lookUpNames: async () => new Map(),
    allowedBots: new Set(),
    context: { redis, log, pool: {} },
    home: {},
    mayDo: createPersonalLimit(),
  } as unknown as Parameters<typeof createReceiveEvent>[0]);
  const message = (more: object, leftMs: number): Promise<Received> => {
    const event = { type: 'app_mention', channel: 'C1', user: 'U1', text: '<@UBOT> hi', ...more };
    const authorizations = [{ team_id: 'T1', is_enterprise_install: false }];
    return receive({ type: 'event_callback', team_id: 'T1', authorizations, event }, Date.now() + leftMs);
  };
  return { tenantId, message };
}

test('an event is judged while enough time is left to accept it, and comes again otherwise', async () => {
  const { tenantId, message } = receiving();
  expect(await message({ ts: '1700000000.000100' }, 30_000)).toMatchObject({ kind: 'message' });
  const late = await message({ ts: '1700000000.000200' }, INTAKE_ENTRY_MS - 50);
  expect(late).toEqual({ kind: 'over-share', tenantId });
});

test('a message goes without its thread when too much of its tenant is read before', async () => {
  let ended = 0;
  const hanging: Array<Promise<unknown>> = [];
  const { message } = receiving((tenantId) => {
    for (let i = 0; i < 4; i += 1) {
      const reading = readLetters({ tenantId, userId: randomUUID() }, { text: 'x', poison: 'hang' });
      hanging.push(reading.finally(() => (ended += 1)));
    }
    return { messages: [{ user: 'U2', text: 'before', ts: '1700000000.000100' }] };
  });
  const asked = { ts: '1700000000.000200', thread_ts: '1700000000.000100' };
  // The thread of code that reads is there by now.
  expect(await message({ ts: '1700000000.000050' }, 30_000)).toMatchObject({ kind: 'message' });
  const received = await message(asked, INTAKE_ENTRY_MS + 900);
  expect(received.kind === 'message' && received.message).toMatchObject({ text: 'hi' });
  expect(received.kind === 'message' && received.message.background).toBeUndefined();
  expect(ended).toBeLessThan(4);
  await Promise.all(hanging);
});
