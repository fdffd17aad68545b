/** A text that grows by pieces, thousands of them of a letter each. */
export type GrowingText = {
  add: (piece: string) => void;
  text: () => string;
};

/** A string that is put together keeps each of its pieces, at some 40 bytes, until somebody looks into it. */
const PIECES_KEPT = 1_000;

export function createGrowingText(start = ''): GrowingText {
  let text = start;
  let pieces = 0;
  return {
    add(piece) {
      text += piece;
      pieces += 1;
      // Changes nothing, and looks into it.
      if (pieces % PIECES_KEPT === 0) text = text.replace(/^$/, '');
    },
    text: () => text,
  };
}
