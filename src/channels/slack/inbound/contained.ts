/**
 * Which of the sequences of words stand in a text, word for word, each anywhere. It takes as long as all of
 * them are together, whatever they hold (Aho and Corasick, 1975): what searches for one after the other takes
 * the product with texts that repeat themselves. An empty sequence stands nowhere. Pure.
 */
export function contained(
  text: readonly string[],
  sequences: ReadonlyArray<readonly string[]>,
): readonly boolean[] {
  /** A node for each beginning of a sequence: by the next word, the node of the beginning with it. */
  const nodes = [new Map<string, number>()];
  const nextOf = (node: number, word: string): number | undefined => nodes[node]?.get(word);
  const ends = sequences.map((sequence) =>
    sequence.reduce((node, word) => {
      const known = nextOf(node, word);
      if (known !== undefined) return known;
      const made = nodes.push(new Map<string, number>()) - 1;
      nodes[node]?.set(word, made);
      return made;
    }, 0),
  );

  /** Of each node, that of its longest end which is a beginning too. */
  const shorter = new Int32Array(nodes.length);
  const step = (from: number, word: string): number => {
    for (let node = from; ; node = shorter[node] ?? 0) {
      const next = nextOf(node, word);
      if (next !== undefined || node === 0) return next ?? 0;
    }
  };
  const shortestFirst = [0];
  for (const node of shortestFirst)
    for (const [word, next] of nodes[node] ?? []) {
      shorter[next] = node === 0 ? 0 : step(shorter[node] ?? 0, word);
      shortestFirst.push(next);
    }

  const stands = new Uint8Array(nodes.length);
  let at = 0;
  for (const word of text) {
    at = step(at, word);
    stands[at] = 1;
  }
  for (const node of shortestFirst.toReversed()) if (stands[node]) stands[shorter[node] ?? 0] = 1;
  return ends.map((end) => end !== 0 && stands[end] === 1);
}
