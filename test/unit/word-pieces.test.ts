import { expect, test } from '@jest/globals';
import { wordPieces } from '../../src/memory/embedding/word-pieces.mjs';

const PIECES = ['a', 'ab', 'abc', 'b', '##a', '##b', '##ab', '##bab', '##c', '##𐐷', '𐐷'];

function model(pieces: readonly string[]) {
  let lookUps = 0;
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const has = ids.has.bind(ids);
  ids.has = (piece) => {
    lookUps += 1;
    return has(piece);
  };
  const split = wordPieces({ tokens_to_ids: ids, unk_token: '[UNK]', max_input_chars_per_word: 100 });
  return { split, lookUps: () => lookUps };
}

/** As the library does it: the longest piece that the rest of the word begins with, of all of the rest. */
function asTheLibrary(word: string): string[] {
  const letters = [...word];
  if (letters.length > 100) return ['[UNK]'];
  const found: string[] = [];
  for (let from = 0; from < letters.length;) {
    let to = letters.length;
    const piece = () => (from > 0 ? '##' : '') + letters.slice(from, to).join('');
    while (to > from && !PIECES.includes(piece())) to -= 1;
    if (to === from) return ['[UNK]'];
    found.push(piece());
    from = to;
  }
  return found;
}

test('a word has the pieces that the library finds in it', () => {
  const letters = ['a', 'b', 'c', '𐐷'];
  const words = Array.from({ length: 4 ** 6 }, (_, n) =>
    Array.from({ length: 1 + (n % 6) }, (_, at) => letters[Math.floor(n / 4 ** at) % 4]).join(''),
  );
  const all = [...words, 'a'.repeat(100), 'a'.repeat(101), 'x', ''];
  expect(model(PIECES).split(all)).toEqual(all.flatMap(asTheLibrary));
});

test('a long word costs as much as its letters, each tried with the longest piece at most', () => {
  const { split, lookUps } = model(PIECES);
  expect(split(['a'.repeat(100)])).toHaveLength(100);
  const longest = Math.max(...PIECES.map((piece) => piece.length));
  expect(lookUps()).toBeLessThanOrEqual(100 * longest);
});
