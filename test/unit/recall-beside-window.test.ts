import { expect, test } from '@jest/globals';
import type { RecalledMemory, Recollection, WindowMessage } from '../../src/domain/conversation.ts';
import { recallBesideWindow, type PromptContents } from '../../src/memory/recall/beside-window.ts';

const WINDOW: WindowMessage[] = ['a', 'b', 'c', 'd'].flatMap((messageId) => [
  { role: 'user', content: `${messageId} said`, messageId },
  { role: 'assistant', content: `${messageId} answered`, messageId },
]);
const memoryOf = (exchangeId: string, role: 'user' | 'assistant' = 'user'): RecalledMemory => ({
  ...{ content: `${exchangeId} said`, role, exchangeId, createdAt: '2026-11-01T00:00:00.000Z' },
  ...{ score: 0.5, cosine: 0.5, lexical: 0.5 },
});
/** Each memory takes the room of one message of the window. */
const roomFor = (messages: number) => (recalled: readonly RecalledMemory[]) =>
  Math.min(WINDOW.length, Math.max(0, messages - recalled.length));

/** Runs with room for `messages` messages; each search finds the next of `finds`. */
async function run(messages: number, ...finds: RecalledMemory[][]) {
  const asked: PromptContents[] = [];
  const search = async (inPrompt: PromptContents): Promise<Recollection> => {
    asked.push(inPrompt);
    return { recalled: finds[asked.length - 1] ?? finds.at(-1) ?? [], match: 0.5, nearestMiss: null };
  };
  const counted: Array<readonly RecalledMemory[]> = [];
  const countKept = (found: readonly RecalledMemory[]) => {
    counted.push(found);
    return roomFor(messages)(found);
  };
  const { recalled } = await recallBesideWindow(WINDOW, countKept, search);
  return { asked, excluded: asked.map(({ exclude }) => exclude), recalled, counted };
}

test('when the whole window fits, all of it is excluded from recall, in one search', async () => {
  const { excluded, counted } = await run(20, [memoryOf('old')]);
  expect(excluded).toEqual([['a', 'b', 'c', 'd']]);
  // To count what fits beside memories they are quoted: once, and alone before.
  expect(counted).toEqual([[], [memoryOf('old')]]);
});

test('a window message that the prompt drops can be recalled', async () => {
  const { asked, recalled } = await run(5, [memoryOf('a')], [memoryOf('b')]);
  // Five messages fit alone, four beside a recalled one. Of b the prompt shows the answer, not the question.
  expect(asked).toEqual([
    { exclude: ['c', 'd'], shown: WINDOW.slice(3) },
    { exclude: ['c', 'd'], shown: WINDOW.slice(4) },
  ]);
  expect(recalled).toEqual([memoryOf('b')]);
});

test('a message that fits into the window again is not quoted as a memory too', async () => {
  const { recalled } = await run(6, [memoryOf('x'), memoryOf('y')], [memoryOf('b', 'assistant')]);
  expect(recalled).toEqual([]);
});

test('recall searches at most three times, since a reply waits for it', async () => {
  const find = (many: number) => Array.from({ length: many }, (_, i) => memoryOf(`x${i}`));
  const { asked } = await run(8, find(1), find(2), find(3), find(4));
  expect(asked).toHaveLength(3);
});
