/** How many of a channel's events are refused for one tenant's sake, for whatever reason they are. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createTakeEvent } from '../../src/api/channel-intake.ts';
import { Problem } from '../../src/api/problems.ts';
import type { Received } from '../../src/channels/channel.ts';
import type { IntakeOutcome, NewMessage } from '../../src/intake/outcomes.ts';

const accepted = { kind: 'accepted', turn: {} } as IntakeOutcome;
const messageOf = (tenantId: string): Received => ({ kind: 'message', message: { tenantId } as NewMessage });

afterEach(() => void jest.restoreAllMocks());

/** Takes events one by one; `outcomeOf` is what intake makes of a tenant's message. */
function intake(outcomeOf: (tenantId: string) => IntakeOutcome = () => accepted, isOutage = () => false) {
  const log = pino({ level: 'silent' });
  const accept = async ({ tenantId }: NewMessage) => outcomeOf(tenantId);
  const take = createTakeEvent({ accept, isOutage: async () => isOutage(), registry: new Registry(), log });
  return async (receive: () => Promise<Received>): Promise<'acknowledged' | 'refused'> => {
    try {
      await take('slack', receive);
      return 'acknowledged';
    } catch (error) {
      if (error instanceof Problem && error.status >= 500) return 'refused';
      if (error instanceof Problem && error.status === 429) return 'refused';
      throw error;
    }
  };
}

/** A flood of one tenant's among few messages of another's that are accepted. */
async function flood(
  take: ReturnType<typeof intake>,
  receive: () => Promise<Received>,
  { events = 1_000, others = 50 } = {},
) {
  const counts = { acknowledged: 0, refused: 0 };
  for (let i = 0; i < events; i += 1) {
    if (i % (events / others) === 0) await take(async () => messageOf('quiet'));
    counts[await take(receive)] += 1;
  }
  return counts;
}

const unavailable = { kind: 'unavailable', service: 'Slack', tenantId: 'loud', isOwn: true } as const;

test.each<[string, () => Promise<Received>]>([
  ['what Slack does not do for a tenant', async () => unavailable],
  ['what is over its share', async () => ({ kind: 'over-share', tenantId: 'loud' })],
  ['a workspace that can’t be looked up', async () => ({ kind: 'unavailable', service: 'Slack' })],
  ['what nobody foresaw', () => Promise.reject(new Error('a bug'))],
])('%s is refused as often as events are taken, and no more', async (_, receive) => {
  const { refused, acknowledged } = await flood(intake(), receive);
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(1.2 * acknowledged);
});

test.each<[string, IntakeOutcome | Error]>([
  ['a service that fails for it alone', { kind: 'unavailable', service: 'The database' }],
  ['its share', { kind: 'over-share', retryAfterMs: 400 }],
  ['a fault of ours', new TypeError('x is not a function')],
])('so is a message that intake does not take: %s', async (_, outcome) => {
  const take = intake((tenantId) => {
    if (tenantId !== 'loud') return accepted;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  });
  const told: string[] = [];
  const settled = ({ kind }: IntakeOutcome): void => void told.push(kind);
  const { refused, acknowledged } = await flood(
    take,
    async () => ({ ...messageOf('loud'), settled }) as Received,
  );
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(1.2 * acknowledged);
  // Whoever sent what is left out hears of it.
  expect(told.filter((kind) => kind === 'rate-limited')).toHaveLength(acknowledged);
});

const databaseAway = { kind: 'unavailable', service: 'The database' } as const;
const overShare = { kind: 'over-share', retryAfterMs: 1_000 } as const;

test.each<[string, IntakeOutcome]>([
  ['a service that fails', databaseAway],
  ['what waits for the tenant’s own share of it', overShare],
])('in an outage all is refused, and comes again: %s', async (_, outcome) => {
  const take = intake(
    () => outcome,
    () => true,
  );
  const { refused } = await flood(take, async () => messageOf('loud'), { events: 500, others: 1 });
  expect(refused).toBe(500);
});

test('and in one that no probe shows, once it fails three tenants', async () => {
  const take = intake(() => databaseAway);
  const tenants = ['a', 'b', 'c'];
  for (let i = 0; i < 900; i += 1) {
    expect(await take(async () => messageOf(tenants[i % 3] ?? ''))).toBe('refused');
  }
});

test('and in one that the service itself tells of, though it fails a single tenant', async () => {
  const take = intake(() => ({ ...databaseAway, isProven: true }));
  const { refused } = await flood(take, async () => messageOf('loud'), { events: 500, others: 1 });
  expect(refused).toBe(500);
});

test('and so is what is of a tenant that can’t be looked up', async () => {
  const take = intake(undefined, () => true);
  const away = async (): Promise<Received> => ({ kind: 'unavailable', service: 'A service' });
  for (let i = 0; i < 500; i += 1) expect(await take(away)).toBe('refused');
});

test('what was refused in an outage takes nothing from what may be refused after it', async () => {
  let isOutage = true;
  const take = intake(
    () => databaseAway,
    () => isOutage,
  );
  for (let i = 0; i < 500; i += 1) await take(async () => messageOf('loud'));
  isOutage = false;
  let refused = 0;
  while ((await take(async () => messageOf('loud'))) === 'refused') refused += 1;
  expect(refused).toBe(20);
});

test.each([60, 300, 600, 1_800, Infinity])(
  'one event a second of a tenant that services fail, and one of another’s each %d s: half are acknowledged',
  async (everySeconds) => {
    let now = 1_000_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const take = intake((tenantId) => (tenantId === 'loud' ? databaseAway : accepted));
    const ofHour = { acknowledged: 0, refused: 0 };
    for (let second = 1; second <= 7_200; second += 1) {
      now += 1_000;
      const isOthers = second % everySeconds === 0;
      const what = await take(async () => messageOf('loud'));
      if (isOthers) expect(await take(async () => messageOf('quiet'))).toBe('acknowledged');
      if (second > 3_600) ofHour[what] += 1;
    }
    expect(ofHour.acknowledged).toBeGreaterThan(0.45 * 3_600);
    expect(ofHour.refused).toBeGreaterThan(0.45 * 3_600);
  },
);

test('what Slack refuses a tenant counts in an outage of ours, too', async () => {
  const take = intake(undefined, () => true);
  let refused = 0;
  for (let i = 0; i < 500; i += 1) if ((await take(async () => unavailable)) === 'refused') refused += 1;
  expect(refused).toBeLessThan(300);
});

test('what Slack does not do for a tenant is refused no oftener while nobody else writes', async () => {
  const take = intake();
  let refused = 0;
  for (let i = 0; i < 500; i += 1) if ((await take(async () => unavailable)) === 'refused') refused += 1;
  expect(refused).toBeLessThan(300);
});

test('what the channel sends but once pays for no refusals, and takes none', async () => {
  const take = intake();
  const click = async (): Promise<Received> => ({ kind: 'ignored', reason: 'click', isOnce: true });
  for (let i = 0; i < 1_000; i += 1) await take(click);
  for (let i = 0; i < 100; i += 1) {
    expect(await take(async () => ({ ...unavailable, isOnce: true }))).toBe('refused');
  }
  await take(async () => messageOf('quiet'));
  let refused = 0;
  while ((await take(async () => unavailable)) === 'refused') refused += 1;
  expect(refused).toBeLessThanOrEqual(21);
});
