/** What the guard before a step lets through, by what the ledger says of the turn. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { createAcceptedOnly } from '../../src/activities/accepted-only.ts';
import type { TurnState, TurnWord } from '../../src/db/ledger.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import type { TurnSeals } from '../../src/domain/seals.ts';
import { sealMessage } from '../../src/intake/seals.ts';
import { acceptedMessage } from '../support/accepted-message.ts';

const HOUR_MS = 60 * 60_000;
const key = randomBytes(32);

type Ledger = TurnWord | undefined | 'away';

/** Whether a step of a turn of that age runs: `done`, `refused` for good, or `later`. */
async function runs(
  asks: 'whileOpen' | 'whileKept',
  ledger: Ledger,
  hoursOld = 1,
  change: (seals: TurnSeals) => Partial<TurnSeals> = () => ({}),
): Promise<'done' | 'refused' | 'later'> {
  const receivedAt = new Date(Date.now() - hoursOld * HOUR_MS).toISOString();
  const { message } = acceptedMessage({ receivedAt });
  const { tenantId, messageId } = message;
  const acceptedOnly = createAcceptedOnly({ pool: poolOf(ledger), sealKeys: () => Promise.resolve(key) });
  let ran = 0;
  const count = (): Promise<void> => {
    ran += 1;
    return Promise.resolve();
  };
  const claimsOf = (input: { message: InboundMessage }) => ({ message: input.message });
  const step = acceptedOnly(count, claimsOf, asks);
  const workflowExecution = { workflowId: embedAndStoreWorkflowId(tenantId, messageId), runId: 'copied' };
  const environment = new MockActivityEnvironment({ workflowExecution });
  const seals = sealMessage(key, message);
  try {
    await environment.run(step, { message, seals: { ...seals, ...change(seals) } });
  } catch (error) {
    expect(ran).toBe(0);
    return error instanceof ApplicationFailure && error.nonRetryable ? 'refused' : 'later';
  }
  expect(ran).toBe(1);
  return 'done';
}

function poolOf(ledger: Ledger): pg.Pool {
  const client = {
    on: () => undefined,
    off: () => undefined,
    release: () => undefined,
    query: () => Promise.resolve({ rows: ledger === undefined ? [] : [ledger] }),
  };
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const connect = () => (ledger === 'away' ? Promise.reject(away) : Promise.resolve(client));
  return Object.assign(new pg.Pool(), { connect });
}

const word = (state: TurnState, mayBeStored = state !== 'erased'): TurnWord => ({ state, mayBeStored });

describe('by the ledger’s word, however young the turn is', () => {
  test.each([
    ['whileOpen', word('accepted'), 'done'],
    ['whileOpen', word('refused'), 'done'],
    ['whileOpen', word('failed'), 'done'],
    ['whileOpen', word('done'), 'refused'],
    ['whileOpen', word('erased'), 'refused'],
    ['whileOpen', undefined, 'refused'],
    ['whileKept', word('accepted'), 'done'],
    ['whileKept', word('refused'), 'done'],
    ['whileKept', word('done'), 'done'],
    ['whileKept', word('done', false), 'refused'],
    ['whileKept', word('erased'), 'refused'],
    ['whileKept', undefined, 'refused'],
  ] as const)('%s, %j: %s', async (asks, ledger, wanted) => {
    expect(await runs(asks, ledger)).toBe(wanted);
  });
});

describe('while Postgres is away, by the turn’s age', () => {
  test.each([
    ['whileOpen', 23, 'done'],
    ['whileOpen', 25, 'later'],
    ['whileKept', 7 * 24, 'done'],
    ['whileKept', 8 * 24 + 1, 'later'],
  ] as const)('%s, %i hours: %s', async (asks, hoursOld, wanted) => {
    expect(await runs(asks, 'away', hoursOld)).toBe(wanted);
  });

  test.each([
    ['none', () => ({ at: '' })],
    [
      'another time with the seal',
      ({ at = '' }: TurnSeals) => ({ at: at.replace(/^\S+/, new Date().toISOString()) }),
    ],
    ['another seal', ({ id }: TurnSeals) => ({ at: `${new Date().toISOString()} ${id}` })],
    ['no text', () => ({ at: 7 as unknown as string })],
  ])('a time that is not sealed is none: %s', async (_, change) => {
    expect(await runs('whileKept', 'away', 9 * 24, change)).toBe('later');
  });
});
