import { decimal, share } from './format.tsx';
import { Meter } from './meter.tsx';

type Scores = { cosine: number; lexical: number; score: number; rank?: number };

/** The message of an exchange that says how well it fits: what was found, not what stood beside it. */
export const bestOf = <M extends { rank?: number }>(messages: readonly M[]): M | undefined =>
  messages.find(({ rank }) => rank !== undefined) ?? messages[0];

/**
 * How well a memory fits. Meaning and words are its own; what it is ranked by is a share of all that fits in
 * this memory, so it stands apart from them.
 */
export function Fits({ of: { cosine, lexical, score, rank } }: { of: Scores }) {
  return (
    <div className="stack small">
      <div className="fits">
        <Meter label="Meaning (cosine)" value={cosine} text={decimal(cosine)} />
        <Meter label="Words of the question" value={lexical} text={share(lexical)} />
      </div>
      <p className="hint">
        {rank !== undefined && `Number ${rank}: `}
        it has {share(score)} of all that fits
      </p>
    </div>
  );
}
