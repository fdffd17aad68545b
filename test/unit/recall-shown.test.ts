/** What the prompt shows already is not recalled. */
import { expect, jest, test } from '@jest/globals';
import type { WindowMessage } from '../../src/domain/conversation.ts';
import { mapBesideWindow, notInPrompt, readRuns } from '../../src/memory/recall/candidates.ts';
import { passageKey } from '../../src/memory/recall/passage-texts.ts';
import { findQuotable } from '../../src/memory/recall/quote.ts';
import { countedInEach } from '../support/steps.ts';
import { splitExchange } from '../support/passages.ts';

const AT = '2026-01-01T00:00:00.000Z';
const EXCHANGE = '5f2a6e55-449c-42ef-afce-839bc30fc4a9';
const LONG = Array.from({ length: 20 }, (_, i) => `On day ${i} we walked along the river, and it rained.`);
const WITHOUT_AN_END = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');

/** Which passages of a message aren't in the prompt. */
function unshown(stored: string, ...shown: WindowMessage[]): number[] {
  const passages = splitExchange(stored, '');
  return passages.flatMap(({ user: span }, part) => {
    const text = stored.slice(span.from, span.to);
    const [goesOn, content] = [span.to < stored.length, text];
    const user = { ...span, text, content, goesOn, createdAt: AT };
    const passage = {
      ...{ exchangeId: EXCHANGE.replaceAll('-', ''), part, at: 0, flags: 0, cosine: 0, held: [] },
      ...{ lexical: 0, total: 0, score: 0, place: 0 },
    };
    const texts = new Map([[passageKey(passage), { user }]]);
    return notInPrompt(passage, texts, { exclude: [], shown }).user ? [part] : [];
  });
}
const said = (content: string, more: Partial<WindowMessage> = {}): WindowMessage => ({
  ...{ role: 'user', content, at: AT },
  ...more,
});

test.each([
  ['is the window’s own message', 'My dog is Rex.', said('other', { messageId: EXCHANGE })],
  ['was said again', 'My dog is Rex.', said('My dog is Rex.')],
  ['is long, and was said again', LONG.join(' '), said(LONG.join(' '))],
  ['is part of a longer message', LONG.join(' '), said(`Look. ${LONG.join(' ')} That is all.`)],
  ['stands in lines', LONG.join('\n'), said(`Look:\n${LONG.join('\n')}\n`)],
  ['has no sentences', WITHOUT_AN_END, said(WITHOUT_AN_END)],
])('what %s is shown', (_what, stored, shown) => {
  expect(unshown(stored, shown)).toEqual([]);
});

test.each([
  ['other words', 'My dog is Rex.', said('My dog is Bo.')],
  ['the agent’s word', 'My dog is Rex.', said('My dog is Rex.', { role: 'assistant' })],
  ['a short message within a longer one', 'My dog is Rex.', said('My dog is Rex. And you?')],
])('%s shows nothing', (_what, stored, shown) => {
  expect(unshown(stored, shown)).toEqual([0]);
});

test('of a long message those passages are left that the window lacks words of', () => {
  const passages = splitExchange(LONG.join(' '), '');
  expect(passages.length).toBeGreaterThan(2);
  // Its last sentences were said again.
  expect(unshown(LONG.join(' '), said(LONG.slice(10).join(' ')))).toContain(0);
  expect(unshown(LONG.join(' '), said(LONG.slice(10).join(' ')))).not.toContain(passages.length - 1);
});

/** A window of as much as a prompt holds, and passages of as much as a search looks at. */
const SHAPES = [
  ['stops', '. '],
  ['lines', ' \n'],
  ['words', 'abc '],
  ['one word', 'abcd'],
] as const;
const windowOf = (shape: string) =>
  Array.from({ length: 10 }, () => said(shape.repeat(40_000 / shape.length)));
function passagesOf(shape: string) {
  const text = shape.repeat(5_000 / shape.length);
  const user = { from: 1, to: 5_001, text, content: text, goesOn: true, createdAt: AT };
  const passages = Array.from({ length: 100 }, (_, place) => ({
    ...{ exchangeId: place.toString(16).padStart(32, '0'), part: 0, place, at: 0, flags: 0 },
    ...{ cosine: 0, lexical: 0, total: -place, score: 0 },
  }));
  return { passages, texts: new Map(passages.map((passage) => [passageKey(passage), { user }])) };
}

test.each(SHAPES)('a window of %s is read in steps, and once for all rounds', (_what, shape) => {
  const shown = windowOf(shape);
  const added = jest.spyOn(Set.prototype, 'add');
  const counted = () => added.mock.calls.length;
  try {
    expect(Math.max(...countedInEach(readRuns(shown), counted))).toBeLessThanOrEqual(1_000);
    const before = counted();
    expect(before).toBeGreaterThanOrEqual(400_000 / 25);
    expect(countedInEach(readRuns(shown.slice(3)), counted)).toEqual([0]);
  } finally {
    added.mockRestore();
  }
});

test('no step looks at more than some thousand letters, or one passage', () => {
  const { passages, texts } = passagesOf('. ');
  let looked = 0;
  const inPrompt = { exclude: [], shown: [said('.')] };
  const steps = mapBesideWindow(passages, texts, inPrompt, () => (looked += 5_000));
  expect(Math.max(...countedInEach(steps, () => looked))).toBe(5_000);
  expect(looked).toBe(500_000);
});

test('while passages are looked at that may be quoted, others have their turns', async () => {
  const { passages, texts } = passagesOf('x ');
  const scored = { totals: passages.map(({ total }) => total), exchangeIdAt, passageAt: at };
  function at(place: number) {
    return passages[place];
  }
  function exchangeIdAt(place: number) {
    return at(place)?.exchangeId;
  }
  // Each look at the clock is a millisecond later.
  let clock = 0;
  const now = jest.spyOn(performance, 'now').mockImplementation(() => (clock += 1));
  let turns = 0;
  let ended = false;
  const count = () => {
    turns += 1;
    if (!ended) setImmediate(count);
  };
  setImmediate(count);
  const quotable = await findQuotable(
    {} as never,
    { tenantId: 'acme' } as never,
    { exclude: [], shown: [] },
    {
      ...{ ordered: passages, scored, texts, settings: { topK: 20 }, budget: { bytesLeft: 0 }, speakers: {} },
    } as never,
  );
  ended = true;
  now.mockRestore();
  expect(quotable).toHaveLength(100);
  expect(turns).toBeGreaterThanOrEqual(30);
});
