import { describe, expect, test } from '@jest/globals';
import { backgroundOf, rawBackground, unseenOf } from '../../src/channels/slack/inbound/thread-so-far.ts';
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
  return backgroundOf(rawBackground(unseen), 'UBOT', NAMES).map(
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
    expect(unseen.map(({ text }) => text)).toEqual(['one']);
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
    expect(backgroundOf(rawBackground(messages), 'UBOT', NAMES)).toEqual([
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
});
