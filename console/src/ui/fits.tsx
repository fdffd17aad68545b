import { fit } from './format.tsx';
import { Meter } from './meter.tsx';

type Scores = { cosine: number; lexical: number; score: number };

/** The message of an exchange that says how well it fits: what was found, not what stood beside it. */
export const bestOf = <M extends { rank?: number }>(messages: readonly M[]): M | undefined =>
  messages.find(({ rank }) => rank !== undefined) ?? messages[0];

/** How well a memory fits, by each of its scores. */
export function Fits({ of: { cosine, lexical, score } }: { of: Scores }) {
  return (
    <div className="fits">
      <Meter label="Meaning (cosine)" value={cosine} text={fit(cosine)} />
      <Meter label="Words (lexical)" value={lexical} text={fit(lexical)} />
      <Meter label="Total" value={score} text={fit(score)} />
    </div>
  );
}
