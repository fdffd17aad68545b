/** How much the model reads in one run, of whatever texts: nothing interrupts it, and queries wait for it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';
import { MAX_LETTERS } from '../../src/memory/embedding/cut-for-model.ts';
import { embedderOn } from '../../src/memory/embedding/embedder.ts';
import {
  createModelProcess,
  ROW_PLACES,
  type ModelProcess,
  type TokenRow,
} from '../../src/memory/embedding/model-process.ts';
import type { EmbedRequest } from '../../src/memory/embedding/model-queue.ts';
import { embedExchangeTexts } from '../../src/memory/long-term/exchange-passages.ts';
import { fill, HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { modelsPath } from '../support/services.ts';

let real: ModelProcess;
beforeAll(async () => {
  real = createModelProcess({ modelsPath: modelsPath(), answerWithinMs: 20_000 });
  await real.rowsOf({ parts: ['ready'], tokensEach: 1 });
});
afterAll(() => real.close());

type Run = { rows: readonly TokenRow[]; lettersBefore: number };

/** An embedder with the model's own tokens, whose runs are noted instead of read. */
function notingEmbedder(onRun: (run: Run) => void = () => undefined) {
  const runs: Run[] = [];
  let lettersBefore = 0;
  const embedder = embedderOn({
    rowsOf: (text) => {
      lettersBefore += text.parts.join('').length;
      return real.rowsOf(text);
    },
    read: async (rows) => {
      const run = { rows, lettersBefore };
      lettersBefore = 0;
      runs.push(run);
      onRun(run);
      return rows.map(({ parts }) =>
        [...parts, 'around'].map(() => new Float32Array(EMBEDDING_WIDTH).fill(1)),
      );
    },
    close: async () => undefined,
  });
  const store = (text: string, request: EmbedRequest) =>
    embedExchangeTexts(
      { user: text, reply: 'ok' },
      {},
      {
        tenantId: request.tenantId,
        embed: (one) => embedder.embed(one, request),
        embedParts: (parts) => embedder.embedParts(parts, request),
      },
    );
  return { embedder, runs, store };
}

const placesOf = ({ rows }: Run) => rows.length * Math.max(...rows.map(({ places }) => places));
/** The tokens that the model gets, whatever a row says of itself. */
const tokensOf = ({ parts }: TokenRow) => parts.reduce((sum, tokens) => sum + tokens.length, 2);

const inTurn = (short: number, long: number) => fill(`${'-'.repeat(short - 2)}. ${'-'.repeat(long - 2)}. `);

/** Whose pieces the estimate finds too few, or that fill rows badly. */
const HOSTILE: Readonly<Record<string, (length: number) => string>> = {
  ...HOSTILE_TEXTS,
  'one row of dashes': fill('-'),
  'rows of dashes': fill(`${'-'.repeat(230)} `),
  'short and long rows of dashes in turn': inTurn(43, 470),
  'rows of dashes that nearly share a row': inTurn(200, 320),
  apostrophes: fill('’'),
  'letters with hyphens': fill(`${'a-'.repeat(49)} `),
  'phonetic letters': fill(`${'ɐɑɒɔɕəɛɡɣɨɪ'.repeat(9).slice(0, 97)} `),
  'odd letters of Latin script': fill(`${'ꭃꭄꞌꝏȝƿ'.repeat(16)} `),
  'words of 97 letters': fill(`${'x'.repeat(97)} `),
  'marks upon each letter': fill('a\u0331\u20d0 \u1ab0'),
  'short phonetic words': fill('ɐɑɒ '),
  'Latin script and dashes': fill('cat. ------------------- '),
};

describe.each(Object.entries(HOSTILE))('%s', (_, shape) => {
  const text = shape(12_200);

  test('stored, asked by and asked by again and again, have runs of one full row at most', async () => {
    const { embedder, runs, store } = notingEmbedder();
    const anybody = (userId: string, priority: EmbedRequest['priority']): EmbedRequest => ({
      tenantId: 'loud',
      userId,
      priority,
    });
    await Promise.all([
      ...['a', 'b'].map((userId) => store(text, anybody(userId, 'backfill'))),
      ...Array.from({ length: 16 }, (_, i) =>
        // Of all lengths, so that some share a run.
        embedder.embed(text.slice(0, 14 * 2 ** (i % 8)), anybody(`asks ${i}`, 'query')),
      ),
    ]);
    expect(runs.length).toBeGreaterThan(2);
    for (const run of runs) {
      expect(run.rows.map(({ places }) => places)).toEqual(run.rows.map(tokensOf));
      expect(placesOf(run)).toBeLessThanOrEqual(ROW_PLACES);
      expect(run.lettersBefore).toBeLessThanOrEqual(MAX_LETTERS);
    }
  });
});

/** Stores a message whose windows have several rows each; `during` is called while each run is under way. */
const ROWS_EACH = inTurn(43, 470)(6_700);
const LOUD = { tenantId: 'loud', userId: 'user', priority: 'backfill' } as const;
const isAbout = (start: number) => (run: Run) => run.rows.some(({ parts }) => parts[0]?.[0] === start);
/** The first token of a text. */
const startOf = async (text: string) =>
  (await real.rowsOf({ parts: [text], tokensEach: 1 }))[0]?.parts[0]?.[0] ?? NaN;

test('a query that comes during a run is read in the next, whatever is being stored', async () => {
  const isQuery = isAbout(await startOf('quick'));
  const asked: Array<Promise<unknown>> = [];
  const { embedder, runs, store } = notingEmbedder((run) => {
    if (!isQuery(run))
      asked.push(embedder.embed('quick', { tenantId: 'quiet', userId: 'user', priority: 'query' }));
  });
  await store(ROWS_EACH, LOUD);
  await Promise.all(asked);
  expect(asked.length).toBeGreaterThan(13);
  expect(runs.map(isQuery)).toEqual(asked.flatMap(() => [false, true]));
});

test('the rows of one text take turns with what others store', async () => {
  const isOther = isAbout(await startOf('quick'));
  let other: Promise<unknown> | undefined;
  const { embedder, runs, store } = notingEmbedder(() => {
    other ??= embedder.embed('quick', { tenantId: 'quiet', userId: 'user', priority: 'backfill' });
  });
  await store(ROWS_EACH, LOUD);
  await other;
  // One run may have been due to the loud tenant.
  expect(runs.findIndex(isOther)).toBeLessThanOrEqual(2);
  expect(runs.length).toBeGreaterThan(13);
});

test('short rows share a run, and a short one does not pay for a long one', async () => {
  const { embedder, runs } = notingEmbedder();
  const embed = (text: string, i: number) => embedder.embed(text, { ...LOUD, userId: `user ${i}` });
  await Promise.all(Array.from({ length: 8 }, () => 'My dog is called Rex.').map(embed));
  expect(runs.map(({ rows }) => rows.length)).toEqual([8]);
  await Promise.all(['My dog is called Rex.', 'My dog is called Rex. '.repeat(50)].map(embed));
  expect(runs.map(({ rows }) => rows.length)).toEqual([8, 1, 1]);
});
