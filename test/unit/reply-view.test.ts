import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createReplyView, NOTHING, shownOf, type ViewEvent } from '../../src/intake/reply-view.ts';

const piece = (attempt: string, at: number, text: string) => ({ attempt, at, text });
const begun = (attempt: string) => piece(attempt, 0, '');

/** What a reader that has `text` has afterwards, and what it was told. */
function readBy(text: string, events: readonly ViewEvent[]) {
  const told: string[] = [];
  let now = text;
  for (const event of events) {
    told.push(event.kind);
    now = event.kind === 'reset' ? '' : now + event.text;
    expect(event.shown).toEqual(shownOf(now));
  }
  return { text: now, told };
}

describe('a reader', () => {
  test('gets the pieces, and at the end what is left', () => {
    const view = createReplyView(NOTHING);
    const events = [...view.take([begun('a'), piece('a', 0, 'Good ')]), ...view.take([piece('a', 5, 'mor')])];
    expect(readBy('', [...events, ...view.finish('Good morning')])).toEqual({
      text: 'Good morning',
      told: ['delta', 'delta', 'delta'],
    });
  });

  test('is told when another attempt begins anew, unless it has nothing of the one before', () => {
    const view = createReplyView(NOTHING);
    expect(view.take([begun('a')])).toEqual([]);
    expect(readBy('', view.take([begun('b'), piece('b', 0, 'Hi')]))).toEqual({ text: 'Hi', told: ['delta'] });
    expect(readBy('Hi', view.take([begun('c')]))).toEqual({ text: '', told: ['reset'] });
    expect(readBy('', view.finish('Hello'))).toEqual({ text: 'Hello', told: ['delta'] });
  });

  test('that comes back goes on behind what it has', () => {
    const view = createReplyView(shownOf('Good '));
    const all = [begun('a'), piece('a', 0, 'Go'), piece('a', 2, 'od mor')];
    expect(readBy('Good ', view.take(all))).toEqual({ text: 'Good mor', told: ['delta'] });
    expect(readBy('Good mor', view.finish('Good morning'))).toMatchObject({ text: 'Good morning' });
  });

  test.each([
    ['that is shorter', [begun('b'), piece('b', 0, 'Go')], 'Go'],
    ['that is another', [begun('b'), piece('b', 0, 'Bad morning')], 'Bad morning'],
    ['that has no word yet', [begun('b')], ''],
  ])('that comes back to a text %s is told so', (_what, pieces, text) => {
    expect(readBy('Good ', createReplyView(shownOf('Good ')).take(pieces))).toMatchObject({ text });
  });

  test('that comes back when all is said needs no pieces', () => {
    const finish = (has: string) => readBy(has, createReplyView(shownOf(has)).finish('Good morning'));
    expect(finish('Good')).toEqual({ text: 'Good morning', told: ['delta'] });
    expect(finish('Good morning')).toEqual({ text: 'Good morning', told: [] });
    expect(finish('Bad')).toEqual({ text: 'Good morning', told: ['reset', 'delta'] });
    expect(finish('Good morning, all')).toEqual({ text: 'Good morning', told: ['reset', 'delta'] });
  });

  test('has the reply in the end, whatever came, was lost or came twice, and wherever it dropped', () => {
    const attempts = fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 5 })), { maxLength: 3 });
    fc.assert(
      fc.property(
        attempts,
        fc.string({ unit: 'grapheme' }),
        fc.infiniteStream(fc.nat(5)),
        (said, reply, chance) => {
          const all = said.flatMap((texts, n) => {
            let at = 0;
            const pieces = texts.map((text) => piece(String(n), (at += text.length) - text.length, text));
            return [begun(String(n)), ...pieces];
          });
          let has = '';
          let view = createReplyView(NOTHING);
          for (const [i, one] of all.entries()) {
            const luck = chance.next().value ?? 0;
            if (luck === 0) continue;
            if (luck === 1) {
              view = createReplyView(shownOf(has));
              has = readBy(
                has,
                view.take(all.slice(0, i + 1).filter(({ attempt }) => attempt === one.attempt)),
              ).text;
            } else has = readBy(has, view.take(luck === 2 ? [one, one] : [one])).text;
          }
          expect(readBy(has, view.finish(reply)).text).toBe(reply);
        },
      ),
    );
  });
});
