import { describe, expect, test } from '@jest/globals';
import { backgroundOf, unseenOf } from '../../src/channels/slack/inbound/thread-so-far.ts';
import { bounded } from '../../src/channels/slack/inbound/bounded.ts';
import type { ThreadMessage } from '../../src/channels/slack/inbound/message-event.ts';

const NAMES = new Map([
  ['UADA', 'Ada'],
  ['UBOB', 'Bob'],
]);

/** A thread as lines, "who: what"; the last message is the one that is answered. */
const thread = (...lines: string[]): ThreadMessage[] =>
  lines.map((line, i) => {
    const [who = '', text = ''] = line.split(': ', 2);
    const sender = who === 'mara' ? { user: 'UBOT', bot_id: 'B1' } : { user: `U${who.toUpperCase()}` };
    return { ...sender, text, ts: `17000000${String(i).padStart(2, '0')}.000100` };
  });

/** What Ada's agent sees of it besides the message. */
const seenBy = (user: string, messages: ThreadMessage[]): string[] => {
  const ts = messages.at(-1)?.ts ?? '';
  const unseen = unseenOf(messages, { user, ts }, 'UBOT');
  return backgroundOf(unseen, 'UBOT', NAMES).map(
    ({ author, text, isAgent }) => `${isAgent ? 'agent' : author}: ${text}`,
  );
};
const ME = '<@UBOT>';

describe('what the agent has not seen of a thread', () => {
  test('all of it, when it is called into it', () => {
    const messages = thread('ada: one', 'bob: two', `ada: ${ME} sum it up`);
    expect(seenBy('UADA', messages)).toEqual(['Ada: one', 'Bob: two']);
  });

  test('nothing, when one person talks with it alone', () => {
    expect(seenBy('UADA', thread(`ada: ${ME} one`, 'mara: Noted', 'ada: two'))).toEqual([]);
    expect(seenBy('UADA', thread(`ada: ${ME} one`, 'mara: Thinking…', 'ada: two'))).toEqual([]);
    expect(seenBy('UADA', thread(`ada: ${ME} one`, 'ada: two', 'ada: three'))).toEqual([]);
  });

  test('what people said to each other since it last answered', () => {
    const messages = thread(
      'bob: old',
      `ada: ${ME} one`,
      'mara: Noted',
      'ada: <@UBOB> lunch?',
      'bob: yes',
      'ada: so?',
    );
    expect(seenBy('UADA', messages)).toEqual(['Ada: @Bob lunch?', 'Bob: yes']);
  });

  test('its own answers to others, marked as its own, for somebody who joins', () => {
    const messages = thread(`ada: ${ME} one`, 'mara: Noted, Ada', 'mara: Thinking…', 'bob: why?');
    expect(seenBy('UBOB', messages)).toEqual(['Ada: one', 'agent: Noted, Ada']);
  });

  test('neither what comes after the message, nor what nobody said', () => {
    const messages = thread('ada: one', 'ada: two', `ada: ${ME} three`, 'bob: later').slice(0, 4);
    const joined = { ...messages[1], subtype: 'channel_join', ts: messages[1]?.ts ?? '' };
    const gone = {
      user: 'USLACKBOT',
      subtype: 'tombstone',
      hidden: true,
      text: 'deleted',
      ts: '1700000000.000050',
    };
    const unseen = unseenOf(
      [gone, messages[0], joined, messages[3], messages[2]].flatMap((m) => m ?? []),
      { user: 'UADA', ts: messages[2]?.ts ?? '' },
      'UBOT',
    );
    expect(unseen.map(({ raw }) => raw)).toEqual(['one']);
  });

  test('messages of apps, files and forwards, by name', () => {
    const messages: ThreadMessage[] = [
      {
        bot_id: 'B2',
        subtype: 'bot_message',
        username: 'Alerts',
        text: '',
        ts: '1.1',
        attachments: [{ fallback: 'disk full' }],
      },
      { user: 'UBOB', text: '', ts: '1.2', files: [{ id: 'F1', name: 'a.pdf', pretty_type: 'PDF' }] },
    ];
    const unseen = unseenOf(messages, { user: 'UADA', ts: '1.3' }, 'UBOT');
    expect(backgroundOf(unseen, 'UBOT', NAMES)).toEqual([
      { author: 'Alerts', at: '1970-01-01T00:00:01.100Z', text: 'disk full' },
      { author: 'Bob', at: '1970-01-01T00:00:01.200Z', text: "[file: a.pdf (PDF): can't be read]" },
    ]);
  });

  test('at most 50 messages and 12,000 characters, the newest', () => {
    const short = thread(...Array.from({ length: 90 }, (_, i) => `bob: message ${i}`), `ada: ${ME} hi`);
    const seen = seenBy('UADA', short);
    expect(seen).toHaveLength(50);
    expect(seen.at(-1)).toBe('Bob: message 89');
    const long = thread(
      ...Array.from({ length: 30 }, (_, i) => `bob: ${i} ${'x'.repeat(5_000)}`),
      `ada: ${ME} hi`,
    );
    const kept = seenBy('UADA', long);
    expect(kept.at(-1)).toMatch(/^Bob: 29 x+ …$/);
    expect(kept.join('').length).toBeLessThan(12_200);
    expect(kept.length).toBeGreaterThan(5);
  });

  test('its own part in a thread, however much was said since', () => {
    const since = Array.from({ length: 120 }, (_, i) => `bob: message ${i}`);
    const messages = thread('mara: Hello', ...since, 'ada: one', 'bob: two', 'ada: three');
    expect(seenBy('UADA', messages).slice(-2)).toEqual(['Bob: message 119', 'Bob: two']);
  });

  test('the newest messages are read, each once; however long all are, no more than that', () => {
    const text = 'a '.repeat(20_000);
    const readsWith = (count: number): number[] => {
      const reads = Array.from({ length: count }, () => 0);
      const messages = reads.map((_, i): ThreadMessage => ({
        user: 'UBOB',
        ts: `${1_700_000_000 + i}.000100`,
        get text() {
          reads[i] = (reads[i] ?? 0) + 1;
          return text;
        },
        blocks: [{ type: 'markdown', text }],
      }));
      expect(unseenOf(messages, { user: 'UADA', ts: '1800000000.1' }, 'UBOT').length).toBeGreaterThan(7);
      return reads;
    };
    const [few, many] = [readsWith(100), readsWith(999)];
    expect(Math.max(...many)).toBe(1);
    expect(few.at(-1)).toBe(1);
    const sum = (reads: number[]) => reads.reduce((all, read) => all + read, 0);
    expect(sum(many)).toBe(sum(few));
    expect(sum(many)).toBeLessThan(20);
  });

  test('who forwarded what stands by a long forward', () => {
    const text = 'x'.repeat(40_000);
    const blocks = [
      { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }] },
    ];
    const forward = { message_blocks: [{ message: { blocks } }], text, is_share: true, author_name: 'Cleo' };
    const messages: ThreadMessage[] = [{ user: 'UBOB', text: 'see', ts: '1.1', attachments: [forward] }];
    const [seen] = backgroundOf(unseenOf(messages, { user: 'UADA', ts: '1.2' }, 'UBOT'), 'UBOT', NAMES);
    expect(seen?.text).toMatch(/^see\n\n\[forwarded message from Cleo\]\n> x+ …$/);
  });
});

describe('a bounded copy', () => {
  test('holds no more than the budget, whatever it is copied from', () => {
    const wide = Array.from({ length: 400 }, () => ({ type: 'section', text: 'x'.repeat(3_000) }));
    let deep: unknown = 'x'.repeat(50);
    for (let i = 0; i < 20_000; i += 1) deep = { elements: [deep] };
    for (const value of [wide, deep, 'x'.repeat(40_000), [[], [], wide, deep]]) {
      const budget = { left: 10_000, longest: 2_000 };
      const texts = JSON.stringify(bounded(value, budget)).match(/x+/g) ?? [];
      expect(texts.join('').length).toBeLessThanOrEqual(10_000);
      expect(texts.every((text) => text.length <= 2_000)).toBe(true);
      expect(budget.left).toBeGreaterThanOrEqual(0);
    }
  });

  test('is the same where there is less than the budget', () => {
    const value = {
      blocks: [{ type: 'a', n: 1, yes: true, none: null, list: ['b', { c: 'd' }] }],
      text: 'e',
    };
    expect(bounded(value, { left: 1_000, longest: 100 })).toEqual(value);
  });
});
