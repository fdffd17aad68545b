/** What this process has learned of servers and their models: it is not asked twice what was refused once. */
import type { Parameter } from './refused-parameter.ts';

export type Known = {
  /** Parameters that were refused. */
  refused: Set<Parameter>;
  /** The name of the output cap; undefined when neither is taken. */
  capName: 'max_tokens' | 'max_completion_tokens' | undefined;
  /** The largest cap that is taken, in tokens. */
  largestCap: number | undefined;
  /** The context's size in the server's tokens, and how many of them one of `estimateTokens` is. */
  context: { tokens: number | undefined; perEstimate: number };
  /** Streams in a row that ended without any sign of an end. */
  endless: number;
  /** Its thoughts come without their opening tag. */
  omitsTag: boolean;
};

/** Pairs of server and model; the one that was asked longest ago is forgotten first. */
const MAX_KNOWN = 200;
/** A server may be changed: what was learned is tried anew after this. */
const KNOWN_FOR_MS = 60 * 60_000;

/** Models whose thoughts often come without their opening tag, by the names that they are served under. */
const OFTEN_OMITS_TAG = /deepseek-?r1|[-/]r1\b|qwq|think|reason|nemotron|exaone-deep/i;

export function createKnownServers(now: () => number = Date.now): (model: string) => Known {
  const byModel = new Map<string, { known: Known; since: number }>();
  return (model) => {
    const found = byModel.get(model);
    byModel.delete(model);
    const fresh =
      !found || now() - found.since > KNOWN_FOR_MS ? { known: nothing(model), since: now() } : found;
    byModel.set(model, fresh);
    const [oldest] = byModel.keys();
    if (byModel.size > MAX_KNOWN && oldest !== undefined) byModel.delete(oldest);
    return fresh.known;
  };
}

const nothing = (model: string): Known => ({
  refused: new Set(),
  capName: 'max_tokens',
  largestCap: undefined,
  context: { tokens: undefined, perEstimate: 1 },
  endless: 0,
  omitsTag: OFTEN_OMITS_TAG.test(model),
});
