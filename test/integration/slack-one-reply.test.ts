/**
 * Exactly one visible reply by our own record: workers die at every moment of a turn, and Slack's history may
 * be read once in a while only, as apps outside its marketplace may.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createDeliverReply } from '../../src/activities/deliver-reply.ts';
import { slackAddressOf } from '../../src/channels/slack/address.ts';
import type { OpenTurn } from '../../src/channels/channel.ts';
import { outboundChannels } from '../../src/channels/index.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { DeliveryState, DeliveryTurn } from '../../src/domain/delivery.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { asRole, encryptionConfig } from '../support/services.ts';
import { startSlackDelivery, type SlackDelivery } from '../support/slack-delivery.ts';
import { BOT, type Fault, type SlackStandIn } from '../support/slack-stand-in.ts';

let thread: SlackDelivery;
let slack: SlackStandIn;
beforeAll(async () => {
  thread = await startSlackDelivery();
  ({ slack } = thread);
});
afterEach(() => slack.heal());
afterAll(() => thread.stop());

const NOTHING_KNOWN: DeliveryState = { progress: null, delivered: false, uncertain: true };
const looks = () => slack.callsOf('conversations.replies').length;
const ofTurn =
  ({ channel }: DeliveryTurn): NonNullable<Fault['when']> =>
  (body) =>
    body['thread_ts'] === slackAddressOf(channel).threadTs;

/** The first attempt of a turn: it shows that it is at work, and dies over it or afterwards. */
async function begin(turn: DeliveryTurn): Promise<DeliveryState | undefined> {
  const { showProgress } = createDeliverReply({ channels: thread.channels() });
  const environment = new MockActivityEnvironment({ attempt: 1 });
  try {
    const state: DeliveryState = await environment.run(showProgress, { turn, grows: false });
    return state;
  } catch {
    return undefined;
  }
}

/** Delivers until it is done, as Temporal would: with the pauses that it is told. Gives the attempts. */
async function deliverAtLast(turn: DeliveryTurn, text: string): Promise<number> {
  for (let attempt = 2; ; attempt += 1) {
    try {
      await thread.deliver(turn, NOTHING_KNOWN, text, attempt);
      return attempt - 1;
    } catch (error) {
      const { type, nextRetryDelay } = error as { type?: string; nextRetryDelay?: number };
      if (type !== 'DeliveryRateLimited') throw error;
      await new Promise((resolve) => setTimeout(resolve, Number(nextRetryDelay)));
    }
  }
}

/** What the first attempt has left when it dies, and whether Slack has to be asked then. */
const DEATHS: ReadonlyArray<{
  what: string;
  asks: boolean;
  dies: (turn: DeliveryTurn) => Promise<unknown>;
}> = [
  { what: 'before it did anything', asks: false, dies: () => Promise.resolve() },
  { what: 'after its placeholder is written down', asks: false, dies: begin },
  {
    what: 'when Slack has the placeholder and it does not know',
    asks: true,
    dies: (turn) => {
      slack.fail('chat.postMessage', { kind: 'drop-after-acceptance', when: ofTurn(turn) });
      return begin(turn);
    },
  },
  {
    what: 'when Slack was about to get the placeholder',
    asks: true,
    dies: (turn) => {
      slack.fail('chat.postMessage', { kind: 'status', status: 500, when: ofTurn(turn) });
      return begin(turn);
    },
  },
  {
    what: 'when Slack has the reply and it does not know',
    asks: false,
    dies: async (turn) => {
      const state = await begin(turn);
      const text = `a reply to ${turn.messageId}`;
      slack.fail('chat.update', {
        kind: 'drop-after-acceptance',
        when: (body) => body['text'] === text,
      });
      return thread.deliver(turn, state ?? NOTHING_KNOWN, text).catch(() => undefined);
    },
  },
];

test('50 deaths, and Slack lets us look once a second: one reply each, and it is asked only where it must', async () => {
  const deaths = Array.from({ length: 50 }, (_, i) => DEATHS[i % DEATHS.length]).flatMap(
    (death) => death ?? [],
  );
  const turns = await Promise.all(deaths.map(() => thread.question()));
  for (const [i, turn] of turns.entries()) await deaths[i]?.dies(turn);
  const before = looks();
  slack.limitLooks({ everyMs: 1_000 });
  await Promise.all(turns.map((turn) => deliverAtLast(turn, `a reply to ${turn.messageId}`)));
  for (const [i, turn] of turns.entries()) {
    expect([deaths[i]?.what, await thread.texts(turn)]).toEqual([
      deaths[i]?.what,
      [`a reply to ${turn.messageId}`],
    ]);
  }
  const answered = slack.callsOf('conversations.replies').slice(before);
  const allowed = answered.filter(({ status }) => status === 200);
  expect(allowed).toHaveLength(deaths.filter(({ asks }) => asks).length);
}, 120_000);

test.each([
  { what: 'is there, and more was said after it', isThere: true },
  { what: 'never came', isThere: false },
])(
  'in a busy thread, where Slack shows 15 messages a look: what it does not know of $what',
  async ({ isThere }) => {
    const turn = await thread.question();
    const { channel, threadTs } = slackAddressOf(turn.channel);
    const chatter = async (count: number) => {
      for (let i = 0; i < count; i += 1) await slack.say(channel, `chatter ${i}`, threadTs);
    };
    await chatter(20);
    slack.fail('chat.postMessage', {
      ...(isThere ? { kind: 'drop-after-acceptance' } : { kind: 'status', status: 500 }),
      when: ofTurn(turn),
    });
    await begin(turn);
    await chatter(20);
    slack.limitLooks({ everyMs: 1_000 });
    await deliverAtLast(turn, 'Rex.');
    expect(await thread.texts(turn)).toEqual(['Rex.']);
  },
  60_000,
);

test('a long reply whose third part Slack took without our hearing of it: each part once', async () => {
  const turn = await thread.question();
  const text = Array.from({ length: 5 }, (_, i) => `${i}: ${'word '.repeat(600)}`).join('\n\n');
  const state = (await begin(turn)) ?? NOTHING_KNOWN;
  slack.fail('chat.postMessage', {
    kind: 'drop-after-acceptance',
    when: (body) => body['text']?.startsWith('2: ') === true,
  });
  await expect(thread.deliver(turn, state, text)).rejects.toMatchObject({ type: 'DeliveryUnavailable' });
  const before = looks();
  await deliverAtLast(turn, text);
  expect(looks()).toBe(before + 1);
  expect((await thread.texts(turn)).map((part) => part[0])).toEqual(['0', '1', '2', '3', '4']);
  await deliverAtLast(turn, text);
  expect(looks()).toBe(before + 1);
  expect(await thread.texts(turn)).toHaveLength(5);
});

describe('a worker that dies while the reply streams', () => {
  const STORY = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ');
  /** The first attempt has shown some of the reply. */
  const stream = async (turn: DeliveryTurn): Promise<OpenTurn | undefined> => {
    const open = thread
      .channels()
      .get('slack')
      ?.open(turn, { progress: null, uncertain: false, grows: true });
    await open?.showProgress();
    await open?.grow?.show(STORY);
    // What was written down about it.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return open;
  };
  beforeEach(() => slack.declareAgent(true));
  afterEach(() => slack.declareAgent(false));

  test('the stream is ended, and its message has the reply', async () => {
    const turn = await thread.question('im');
    await stream(turn);
    expect(await thread.texts(turn)).toEqual([expect.stringContaining('word0 word1')]);
    const before = looks();
    await thread.deliver(turn, NOTHING_KNOWN, 'In other words.', 2);
    expect(await thread.texts(turn)).toEqual(['In other words.']);
    expect(looks()).toBe(before);
    expect(slack.openStreams()).toBe(0);
  });

  test('also when nobody has heard that it began: it has no name by which it could be found', async () => {
    const turn = await thread.question('im');
    slack.fail('chat.startStream', { kind: 'drop-after-acceptance' });
    await stream(turn).catch(() => undefined);
    await deliverAtLast(turn, 'In other words.');
    expect(await thread.texts(turn)).toEqual(['In other words.']);
  });

  test.each([
    { what: 'is there', fault: { kind: 'drop-after-acceptance' } },
    { what: 'never came', fault: { kind: 'status', status: 500 } },
  ] satisfies Array<{ what: string; fault: Fault }>)(
    'also when the next turn streams in that thread, and the message that was not heard of $what: each has its reply',
    async ({ fault }) => {
      const turn = await thread.question('im');
      slack.fail('chat.startStream', fault);
      await stream(turn).catch(() => undefined);
      const next = await thread.nextQuestion(turn);
      const open = await stream(next);
      await deliverAtLast(turn, 'The first reply.');
      expect(slack.openStreams()).toBe(1);
      await open?.grow?.show(`${STORY} ${STORY}`);
      await open?.deliver('The second reply.');
      expect((await thread.texts(turn)).toSorted()).toEqual(['The first reply.', 'The second reply.']);
      expect(slack.openStreams()).toBe(0);
    },
  );
});

test('two attempts that both take themselves for the first leave one message', async () => {
  const turn = await thread.question();
  await Promise.all([begin(turn), begin(turn)]);
  await thread.deliver(turn, NOTHING_KNOWN, 'Rex.', 2);
  expect(await thread.texts(turn)).toEqual(['Rex.']);
});

describe('Postgres is away while a message is posted', () => {
  let postgres: Proxy;
  beforeAll(async () => (postgres = await startProxy(thread.database.url)));
  afterAll(() => postgres.close());

  test('the reply comes all the same, and whoever comes after a death looks', async () => {
    const log = pino({ level: 'silent' });
    const pool = createPool({
      databaseUrl: postgres.through(thread.database.url),
      max: 2,
      statementTimeoutMs: 1_000,
    });
    const channels = outboundChannels(
      { slack: { token: BOT.token, apiUrl: slack.apiUrl } },
      { pool, redis: thread.redis, keys: encryptionConfig().keys, log },
    );
    const { showProgress } = createDeliverReply({ channels });
    const turn = await thread.question();
    postgres.cut();
    const attempt = new MockActivityEnvironment({ attempt: 1 });
    expect(await attempt.run(showProgress, { turn, grows: false })).toMatchObject({
      progress: { kind: 'message' },
    });
    postgres.restore();
    const before = looks();
    await thread.deliver(turn, NOTHING_KNOWN, 'Rex.', 2);
    expect(looks()).toBe(before + 1);
    expect(await thread.texts(turn)).toEqual(['Rex.']);
    await pool.end();
  });
});

describe('what is recorded', () => {
  const recordOf = async ({ tenantId, messageId }: DeliveryTurn) => {
    const { rows } = await thread.database.admin.query<Record<string, unknown>>(
      `SELECT part, channel, ts, state FROM slack_posts WHERE tenant_id = $1 AND message_id = $2 ORDER BY part, nth`,
      [tenantId, messageId],
    );
    return rows;
  };

  test('the place of the reply, before its delivery counts as done', async () => {
    const turn = await thread.question();
    await thread.deliver(turn, (await begin(turn)) ?? NOTHING_KNOWN, 'Rex.');
    const [answer] = await thread.answers(turn);
    const { channel } = slackAddressOf(turn.channel);
    expect(await recordOf(turn)).toEqual([{ part: 0, channel, ts: answer?.ts, state: 'posted' }]);
  });

  test('it goes when its turn is forgotten, and none comes after that', async () => {
    const turn = await thread.question();
    await thread.deliver(turn, (await begin(turn)) ?? NOTHING_KNOWN, 'Rex.');
    const { tenantId, messageId } = turn;
    await inTenant(thread.database.admin, tenantId, (client) =>
      client.query(`UPDATE turns SET state = 'erased' WHERE tenant_id = $1 AND message_id = $2`, [
        tenantId,
        messageId,
      ]),
    );
    expect(await recordOf(turn)).toEqual([]);
    await expect(thread.deliver(turn, NOTHING_KNOWN, 'Rex.', 2)).rejects.toThrow();
    expect(await recordOf(turn)).toEqual([]);
  });

  test('another tenant finds nothing, and may write nothing', async () => {
    const turn = await thread.question();
    await begin(turn);
    const pool = createPool({
      databaseUrl: asRole('worker', thread.database.url),
      max: 1,
      statementTimeoutMs: 5_000,
    });
    const other = randomUUID();
    const seen = await inTenant(pool, other, (client) => client.query('SELECT FROM slack_posts'));
    expect(seen.rowCount).toBe(0);
    const forged = inTenant(pool, other, (client) =>
      client.query(
        `INSERT INTO slack_posts (tenant_id, message_id, part, piece, nth, pieces, waiting, channel)
         VALUES ($1, $2, 9, 0, 0, 1, false, 'C1')`,
        [turn.tenantId, turn.messageId],
      ),
    );
    await expect(forged).rejects.toThrow(/row-level security/);
    await pool.end();
  });
});
