/** How many of a channel's events are refused for one tenant's sake, for whatever reason they are. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createTakeEvent } from '../../src/api/channel-intake.ts';
import { Problem } from '../../src/api/problems.ts';
import type { Received } from '../../src/channels/channel.ts';
import type { IntakeOutcome, NewMessage } from '../../src/intake/outcomes.ts';

const accepted = { kind: 'accepted', turn: {} } as IntakeOutcome;
const messageOf = (tenantId: string): Received => ({ kind: 'message', message: { tenantId } as NewMessage });

/** Takes events one by one; `outcomeOf` is what intake makes of a tenant's message. */
function intake(outcomeOf: (tenantId: string) => IntakeOutcome = () => accepted) {
  const log = pino({ level: 'silent' });
  const accept = async ({ tenantId }: NewMessage) => outcomeOf(tenantId);
  const take = createTakeEvent({ accept, registry: new Registry(), log });
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

test.each<[string, IntakeOutcome]>([
  ['a service that fails for it alone', { kind: 'unavailable', service: 'The database' }],
  ['its share', { kind: 'over-share', retryAfterMs: 400 }],
])('so is a message that intake does not take: %s', async (_, outcome) => {
  const take = intake((tenantId) => (tenantId === 'loud' ? outcome : accepted));
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

test('while nothing is accepted all is refused, and comes again', async () => {
  const take = intake(() => ({ kind: 'unavailable', service: 'The database' }));
  const { refused } = await flood(take, async () => messageOf('loud'), { events: 500, others: 1 });
  expect(refused).toBe(500);
});

test('and so is what is of a tenant that can’t be looked up', async () => {
  const take = intake();
  const away = async (): Promise<Received> => ({ kind: 'unavailable', service: 'A service' });
  for (let i = 0; i < 500; i += 1) expect(await take(away)).toBe('refused');
});

test('a repeated delivery of what has ended proves no service to be there', async () => {
  const take = intake((tenantId) =>
    tenantId === 'quiet'
      ? ({ kind: 'accepted', turn: { state: 'done' } } as IntakeOutcome)
      : { kind: 'unavailable', service: 'Temporal' },
  );
  const { refused } = await flood(take, async () => messageOf('loud'));
  expect(refused).toBe(1_000);
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
