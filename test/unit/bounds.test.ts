import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  jsonBytes,
  MAX_MEMORY_BYTES,
  MAX_RECALLED_BYTES,
  MAX_REPLY_BYTES,
  withinBytes,
} from '../../src/domain/bounds.ts';
import { boundRecalled, buildPrompt } from '../../src/domain/prompt.ts';
import { formatMemories } from '../../src/domain/quotations.ts';

const inJson = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const anyText = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', 'é', '日', '🐕', '\ud83d', '\udc15'),
});
/** The most that a person may send, in the scripts that cost most. */
const LONG = ['\u0001', '日', '🐕', '<', '"', 'x'].map((character) => character.repeat(32_000));
const AGENT = { name: 'Mara', jobTitle: '', persona: '', systemPrompt: '', maxPromptTokens: 1_000_000 };

test('the bytes of a text are those of its JSON', () => {
  fc.assert(fc.property(anyText, (text) => jsonBytes(text) === inJson(text) - 2));
});

test('a text within its bytes stays as it is; a longer one is cut at the end, well-formed', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 10, max: 60 }), (text, bytes) => {
      const cut = withinBytes(text, bytes);
      if (jsonBytes(text) <= bytes) return cut === text;
      const start = cut.slice(0, -' …'.length);
      return (
        jsonBytes(cut) <= bytes && text.startsWith(start) && (!text.isWellFormed() || cut.isWellFormed())
      );
    }),
  );
  expect(withinBytes('x'.repeat(300_000), MAX_REPLY_BYTES)).toHaveLength(MAX_REPLY_BYTES - 2);
});

describe('whatever is in memory', () => {
  test.each(LONG)('the window of a prompt stays within its bytes and is its newest part', (text) => {
    const window = Array.from({ length: 20 }, (_, i) => ({ role: 'user' as const, content: `${i}${text}` }));
    const { messages, droppedFromWindow } = buildPrompt(AGENT, 'hi', window, []);
    const shown = messages.slice(1, -1);
    expect(shown).toEqual(window.slice(droppedFromWindow));
    expect(shown.length).toBeGreaterThan(0);
    expect(inJson(shown)).toBeLessThan(MAX_MEMORY_BYTES + 1_000);
  });

  test.each(LONG)('what is recalled stays within its bytes, best first', (text) => {
    const recalled = Array.from({ length: 40 }, (_, i) => ({
      ...{ content: `${i}${text}`, role: 'user' as const, score: 1, cosine: 1, lexical: 1 },
      ...{ createdAt: '2026-01-01T00:00:00.000Z', exchangeId: String(i), rank: i + 1 },
    }));
    const speakers = { user: undefined, agent: 'Mara' };
    const bounded = boundRecalled(recalled, speakers);
    expect(bounded.map(({ rank }) => rank)).toEqual(bounded.map((_, i) => i + 1));
    expect(bounded.length).toBeGreaterThan(0);
    expect(inJson(formatMemories(bounded, speakers))).toBeLessThan(MAX_RECALLED_BYTES + 1_000);
  });
});
