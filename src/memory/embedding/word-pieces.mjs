/**
 * Splits words into the model's pieces, as the library does it: again and again the longest piece of the
 * vocabulary that the rest of the word begins with. The library tries all of the rest first, which takes
 * time with the square of a word's letters. No piece is that long, so what is tried here is no longer than
 * the longest.
 * @param {{ tokens_to_ids: Map<string, number>, unk_token: string, max_input_chars_per_word: number }} model
 * @returns {(words: string[]) => string[]} for the model's `encode`
 */
export function wordPieces({
  tokens_to_ids: ids,
  unk_token: unknown,
  max_input_chars_per_word: mostLetters,
}) {
  const longest = Math.max(...[...ids.keys()].map((piece) => piece.length));
  /** @param {string[]} letters */
  const longestPieceAt = (letters, from) => {
    for (let to = Math.min(letters.length, from + longest); to > from; to -= 1) {
      const piece = (from > 0 ? '##' : '') + letters.slice(from, to).join('');
      if (ids.has(piece)) return { piece, to };
    }
    return undefined;
  };
  return (words) =>
    words.flatMap((word) => {
      const letters = [...word];
      if (letters.length > mostLetters) return [unknown];
      const pieces = [];
      for (let from = 0; from < letters.length;) {
        const found = longestPieceAt(letters, from);
        if (!found) return [unknown];
        pieces.push(found.piece);
        from = found.to;
      }
      return pieces;
    });
}
