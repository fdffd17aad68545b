/** What the prompt shows already is not recalled. */
import { expect, test } from '@jest/globals';
import type { WindowMessage } from '../../src/domain/conversation.ts';
import { notInPrompt } from '../../src/memory/recall/candidates.ts';
import { passageKey } from '../../src/memory/recall/passage-texts.ts';
import { splitExchange } from '../../src/memory/text/passages.ts';

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
