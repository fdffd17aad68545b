import { createHash } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';

const KEY_BYTES = 32;
const RECORD_BYTES = KEY_BYTES + 4 * EMBEDDING_WIDTH;

/**
 * An embedder that embeds each text once: a question is asked several times, and only the search is timed.
 * With a file it remembers beyond the run what it has embedded, which takes most of a run's time.
 */
export async function cachedEmbedder(embedder: Embedder, file?: string): Promise<Embedder> {
  const known = new Map<string, Promise<Float32Array>>();
  const fresh: Buffer[] = [];
  const stored = file === undefined ? Buffer.alloc(0) : await readFile(file).catch(() => Buffer.alloc(0));
  for (let at = 0; at + RECORD_BYTES <= stored.length; at += RECORD_BYTES) {
    const vector = new Float32Array(EMBEDDING_WIDTH);
    for (let i = 0; i < EMBEDDING_WIDTH; i += 1) vector[i] = stored.readFloatLE(at + KEY_BYTES + 4 * i);
    known.set(stored.toString('hex', at, at + KEY_BYTES), Promise.resolve(vector));
  }
  const remembered = (text: string, make: () => Promise<Float32Array>): Promise<Float32Array> => {
    const key = createHash('sha256').update(text).digest();
    const made =
      known.get(key.toString('hex')) ??
      make().then((vector) => {
        fresh.push(key, Buffer.from(Float32Array.from(vector).buffer));
        return vector;
      });
    known.set(key.toString('hex'), made);
    return made;
  };
  return {
    embed: (text, request) => remembered(text, () => embedder.embed(text, request)),
    async embedParts(parts, request) {
      const together = JSON.stringify(parts);
      let pass: ReturnType<Embedder['embedParts']> | undefined;
      const made = () => (pass ??= embedder.embedParts(parts, request));
      const nth = (i: number) =>
        remembered(`${i} of ${together}`, async () => {
          const { whole, parts: own } = await made();
          return own[i] ?? whole;
        });
      const [whole, ...own] = await Promise.all([nth(-1), ...parts.map((_, i) => nth(i))]);
      return { whole, parts: own };
    },
    async close() {
      if (file !== undefined) await appendFile(file, Buffer.concat(fresh));
      await embedder.close();
    },
  };
}
