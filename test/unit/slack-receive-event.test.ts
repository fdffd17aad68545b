/** What becomes of Slack's events while their tenant has much under way, and little time is left. */
import { randomUUID } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import { WebAPIPlatformError } from '@slack/web-api';
import { pino } from 'pino';
import { createReceiveEvent } from '../../src/channels/slack/inbound/receive-event.ts';
import { createPersonalLimit } from '../../src/channels/slack/personal-limit.ts';
import type { Received } from '../../src/channels/channel.ts';
import { INTAKE_ENTRY_MS } from '../../src/domain/timing.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';
import { readLetters } from '../support/apart-readers.ts';

jest.setTimeout(60_000);

type Answers = { replies?: (tenantId: string) => object; info?: () => Promise<object> };

/** Receives messages of a tenant of its own; the answers are what Slack says of a thread, and of a person. */
function receiving({ replies = () => ({ messages: [] }), info }: Answers = {}) {
  const tenantId = randomUUID();
  const client = { conversations: { replies: async () => replies(tenantId) }, users: { info } };
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
    readInTurn: createFairPlaces(10),
  } as unknown as Parameters<typeof createReceiveEvent>[0]);
  const message = (more: object, leftMs: number, around: object = {}): Promise<Received> => {
    const event = { type: 'app_mention', channel: 'C1', user: 'U1', text: '<@UBOT> hi', ...more };
    const authorizations = [{ team_id: 'T1', is_enterprise_install: false }];
    const sent = { type: 'event_callback', team_id: 'T1', authorizations, event, ...around };
    return receive(sent, Date.now() + leftMs);
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
  const { message } = receiving({
    replies: (tenantId) => {
      for (let i = 0; i < 4; i += 1) {
        const reading = readLetters({ tenantId, userId: randomUUID() }, { text: 'x', poison: 'hang' });
        hanging.push(reading.finally(() => (ended += 1)));
      }
      return { messages: [{ user: 'U2', text: 'before', ts: '1700000000.000100' }] };
    },
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

describe('a file in a shared channel, of which Slack keeps back whose it is', () => {
  const SHARED = { is_ext_shared_channel: true };
  const files = [{ id: 'F1', mode: 'file_access', file_access: 'check_file_info', user: '' }];
  const asked = { subtype: 'file_share', type: 'message', files, ts: '1700000000.000100' };
  const refused = (error: string) => async () => {
    throw new WebAPIPlatformError({ ok: false, error });
  };
  const userOf = (received: Received) => received.kind === 'message' && received.message.userId;

  test.each([
    ['another company’s', { team_id: 'TEXT' }, {}, 'slack:TEXT:U1'],
    ['ours', { team_id: 'T1' }, {}, 'slack:T1:U1'],
    [
      'one of our organisation',
      { team_id: 'T3', enterprise_user: { enterprise_id: 'E1' } },
      { enterprise_id: 'E1' },
      'slack:E1:U1',
    ],
    [
      'one of another organisation',
      { team_id: 'E2', enterprise_user: { enterprise_id: 'E2' } },
      { enterprise_id: 'E1' },
      'slack:E2:U1',
    ],
  ])('%s, as Slack says when it is asked, once', async (_, user, installed, userId) => {
    const info = jest.fn(async () => ({ user }));
    const { message } = receiving({ info });
    const authorizations = [{ team_id: 'T1', is_enterprise_install: false, ...installed }];
    for (const ts of ['1700000000.000100', '1700000000.000200']) {
      expect(userOf(await message({ ...asked, ts }, 30_000, { ...SHARED, authorizations }))).toBe(userId);
    }
    expect(info).toHaveBeenCalledTimes(1);
  });

  test('whom Slack does not show us is nobody of ours; while it can’t say, the message comes again', async () => {
    const stranger = receiving({ info: refused('user_not_found') });
    const ignored = { kind: 'ignored', reason: 'unknown_sender' };
    expect(await stranger.message(asked, 30_000, SHARED)).toEqual(ignored);
    const away = receiving({ info: refused('internal_error') });
    const { tenantId } = away;
    expect(await away.message(asked, 30_000, SHARED)).toMatchObject({ kind: 'unavailable', tenantId });
  });

  test('nobody is asked for where the channel is ours alone, or the event says it', async () => {
    const { message } = receiving({ info: refused('user_not_found') });
    expect(userOf(await message(asked, 30_000))).toBe('slack:T1:U1');
    const said = { ...asked, user_team: 'TEXT', ts: '1700000000.000200' };
    expect(userOf(await message(said, 30_000, SHARED))).toBe('slack:TEXT:U1');
  });
});
