/**
 * What this process has learned of servers and their models: it is not asked twice what was refused once. An
 * agent's settings and what its people write have a part in that, so it is learned for this agent alone.
 */
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
  /** The largest prompt that was answered, in tokens as `estimateTokens` counts, and the largest cap. */
  taken: { promptTokens: number; cap: number };
  /** Streams in a row that ended without any sign of an end. */
  endless: number;
  /** It has answered a request with all the optional parameters that are sent. */
  takesAll: boolean;
  /** Its thoughts come without their opening tag. */
  omitsTag: boolean;
};

/** Pairs of agent and model; the one that was asked longest ago is forgotten first. */
const MAX_KNOWN = 2_000;
/** A server may be changed: what was learned is tried anew after this. */
const KNOWN_FOR_MS = 60 * 60_000;

/** Models whose thoughts often come without their opening tag, by the names that they are served under. */
const OFTEN_OMITS_TAG = /deepseek-?r1|[-/]r1\b|qwq|think|reason|nemotron|exaone-deep/i;

export function createKnownServers(now: () => number = Date.now): (agentId: string, model: string) => Known {
  const pairs = new Map<string, { known: Known; since: number }>();
  return (agentId, model) => {
    const pair = `${agentId} ${model}`;
    const found = pairs.get(pair);
    pairs.delete(pair);
    const fresh =
      !found || now() - found.since > KNOWN_FOR_MS ? { known: nothing(model), since: now() } : found;
    pairs.set(pair, fresh);
    const [oldest] = pairs.keys();
    if (pairs.size > MAX_KNOWN && oldest !== undefined) pairs.delete(oldest);
    return fresh.known;
  };
}

const nothing = (model: string): Known => ({
  refused: new Set(),
  capName: 'max_tokens',
  largestCap: undefined,
  context: { tokens: undefined, perEstimate: 1 },
  taken: { promptTokens: 0, cap: 0 },
  endless: 0,
  takesAll: false,
  omitsTag: OFTEN_OMITS_TAG.test(model),
});
