/**
 * Whoever writes, person or model, can write anything: what the functions of Slack's text take grows with its
 * length, no faster. What is measured is the processor's time of this process. What takes less than a floor
 * is left alone, since the clock decides there.
 */
import { describe, expect, test } from '@jest/globals';
import { judgeEvent } from '../../src/channels/slack/inbound/events.ts';
import { opensWithAnother } from '../../src/channels/slack/inbound/addressing.ts';
import { mentionedUsers, mentions, readableText } from '../../src/channels/slack/inbound/inbound-text.ts';
import { rawOf } from '../../src/channels/slack/inbound/message-event.ts';
import { plainName } from '../../src/channels/slack/inbound/plain-name.ts';
import { backgroundOf, unseenOf } from '../../src/channels/slack/inbound/thread-so-far.ts';
import { growingText } from '../../src/channels/slack/outbound/growing-text.ts';
import { contentsOf, plainPieces } from '../../src/channels/slack/outbound/outbound-text.ts';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { costMs } from '../support/growth.ts';
import { filled, nearlyTheSame } from '../support/hostile-texts.ts';

const LENGTHS = [4_000, 32_000] as const;
/** Eight times the text: three times that it is doubled, each at most 3.5 times the cost. */
const MOST_GROWTH = 3.5 ** 3;
const FLOOR_MS = 5;

const SHAPES: Array<[string, (length: number) => string]> = [
  ['one sign', (n) => filled('!', n)],
  ['one letter', (n) => filled('a', n)],
  ['quote marks', (n) => filled('>', n)],
  ['escaped quote marks', (n) => filled('&gt;', n)],
  ['a pipe after spaces', (n) => `a|b\n${filled(' ', n)}|x`],
  ['mentions', (n) => filled('<@U1>', n)],
  ['the agent’s mention', (n) => `${filled('<@UBOT>', n / 2)}a${filled('    <@UBOT>', n / 2)}`],
  ['mentions that never end', (n) => filled('<@U1|', n)],
  ['backticks', (n) => filled('`', n)],
  ['marks of code, a line each', (n) => filled('`\n', n)],
  ['brackets', (n) => filled('[', n)],
  ['angle brackets', (n) => filled('<', n)],
  ['a flat list', (n) => filled('- a\n', n)],
  ['nested lists', (n) => filled('- a\n  - b\n    - c\n', n)],
  [
    'ever deeper lists',
    (n) => Array.from({ length: Math.sqrt(n) }, (_, i) => `${' '.repeat(2 * i)}- a\n`).join(''),
  ],
  ['quotes in lists', (n) => filled('> - ', n)],
  ['marks of emphasis', (n) => filled('*_~', n)],
  ['emphasised words', (n) => filled('**a_b ', n)],
  ['entities', (n) => filled('&amp;', n)],
  ['spaces between words', (n) => `<@UBOT> a${filled(' ', n)}b`],
  ['links', (n) => filled('[a](https://e.com) <https://e.com|e> ', n)],
  ['half links', (n) => filled('[a](', n)],
  ['line ends', (n) => filled('\r\n', n)],
  ['lines', (n) => filled('a\r', n)],
  ['combining marks', (n) => `a${filled('\u0301', n)}`],
  ['emoji', (n) => filled(':a', n)],
  ['a label that is nearly its address', (n) => `<${filled('a', n / 2)}|b${filled('a', n / 4)}>`],
  ['definitions', (n) => filled('[a]: b\n', n)],
  ['tables', (n) => filled('|a|\n|-|\n\n', n)],
];

/** What a message may have beside its text: the same, and nearly the same. */
const partsOf = (text: string) => {
  const blocksOf = (one: string) => [
    { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: one }] }] },
  ];
  const nearly = nearlyTheSame(text);
  return {
    text,
    blocks: [...blocksOf(text), ...blocksOf(nearly)],
    attachments: [
      { is_share: true, text, author_name: text },
      { is_share: true, text, message_blocks: [{ message: { blocks: blocksOf(nearly) } }] },
    ],
    files: [{ id: 'F1', name: text, mode: 'snippet', preview: text }],
  };
};

const readIt = (text: string): void => {
  const said = {
    type: 'message',
    channel: 'D1',
    channel_type: 'im',
    user: 'U1',
    ts: '1.2',
    thread_ts: '1.1',
  };
  const event = { ...said, ...partsOf(text) };
  const judged = judgeEvent(event, { botUserId: 'UBOT', botId: undefined }, new Set());
  if (judged.kind !== 'message') return;
  const raw = rawOf(judged.words);
  readableText(raw, { botUserId: 'UBOT', names: new Map() });
  opensWithAnother(raw, 'UBOT');
  mentionedUsers(text);
  mentions(text, 'UBOT');
  plainName(text);
  backgroundOf([{ author: 'U1', name: text, at: '', raw }], 'UBOT', new Map());
};

const writeIt = (text: string): void => {
  // Each message is bounded, so what all of them take grows with their number.
  for (const part of splitReply(text).slice(0, 1)) contentsOf(part);
  growingText(text);
  plainPieces(text);
};

describe.each([
  ['reading', readIt],
  ['writing', writeIt],
])('%s', (_, work) => {
  test.each(SHAPES)(
    '%s',
    (_name, shape) => {
      const [short, long] = LENGTHS.map((length) => shape(length));
      const limitMs =
        MOST_GROWTH *
        Math.max(
          FLOOR_MS,
          costMs(() => work(short ?? '')),
        );
      const measure = () => costMs(() => work(long ?? ''));
      const first = measure();
      // A pause of the machine counts for nothing: only what is slow twice is slow.
      expect(first < limitMs ? first : Math.min(first, measure())).toBeLessThan(limitMs);
    },
    120_000,
  );
});

/** However many messages a thread has and however long they are, reading it is bounded. */
const readThreadOf = (parts: ReturnType<typeof partsOf>, count: number): void => {
  const messages = Array.from({ length: count }, (_, i) => ({
    user: `U${i % 3}`,
    ts: `${1_700_000_000 + i}.000100`,
    ...parts,
  }));
  const unseen = unseenOf(messages, { user: 'U1', ts: '1800000000.000100' }, 'UBOT');
  for (const { raw } of unseen) mentionedUsers(raw);
  backgroundOf(unseen, 'UBOT', new Map());
};

describe('a thread of long messages', () => {
  test.each(SHAPES)('%s', (_name, shape) => {
    const [short, long] = [4_000, 40_000].map((length) => partsOf(shape(length)));
    if (!short || !long) throw new Error('there are no parts');
    const limitMs =
      3.5 *
      Math.max(
        2 * FLOOR_MS,
        costMs(() => readThreadOf(short, 50)),
      );
    const measure = () => costMs(() => readThreadOf(long, 999));
    const first = measure();
    expect(first < limitMs ? first : Math.min(first, measure())).toBeLessThan(limitMs);
  });
});
