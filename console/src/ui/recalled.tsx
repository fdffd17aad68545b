import type { Schemas } from '../api/client.ts';
import { bestOf, Fits } from './fits.tsx';
import { fit, When } from './format.tsx';

type Memory = NonNullable<Extract<Schemas['Message'], { state: 'done' }>['memory']>;
export type Recalled = Memory['recalled'][number];
type Receipt = NonNullable<Memory['receipt']>;

const WHY: Record<NonNullable<Receipt['nearestMiss']>['why'], string> = {
  threshold: 'it fitted less than the threshold',
  topK: 'others fitted better',
  words: 'there was no room for its words',
};

/** Memories that were recalled, the best first, with how well each fits. */
export function RecalledList({ recalled }: { recalled: readonly Recalled[] }) {
  const exchanges = Map.groupBy(recalled, ({ exchangeId }) => exchangeId);
  if (exchanges.size === 0) return null;
  return (
    <ol className="recalled">
      {[...exchanges].map(([id, messages]) => {
        const best = bestOf(messages);
        if (!best) return null;
        return (
          <li key={id} className="recalled-exchange">
            <p className="hint">
              <When at={best.createdAt} />
              {best.rank === undefined &&
                best.beside !== undefined &&
                ` · stood beside number ${best.beside}`}
            </p>
            {messages.map(({ role, content }, index) => (
              <p key={index} className={`quote ${role}`}>
                <span className="hidden">{role === 'user' ? 'User: ' : 'Agent: '}</span>
                {content}
              </p>
            ))}
            {best.rank !== undefined && <Fits of={best} />}
          </li>
        );
      })}
    </ol>
  );
}

/** What the threshold was, and what nearly was recalled. */
export function ReceiptNote({ receipt, isEmpty }: { receipt: Receipt | null; isEmpty: boolean }) {
  if (!receipt) return isEmpty ? <p>Nothing was recalled.</p> : null;
  const { match, threshold, nearestMiss, comparedNewest } = receipt;
  return (
    <div className="stack small">
      <p>
        {isEmpty ? 'Nothing was recalled. ' : ''}
        The match was {fit(match)}; from {fit(threshold)} on something is recalled.
      </p>
      {nearestMiss && (
        <p>
          Nearly recalled: what was said on <When at={nearestMiss.createdAt} /> fitted{' '}
          {fit(nearestMiss.score)} (meaning {fit(nearestMiss.cosine)}, words {fit(nearestMiss.lexical)}), but{' '}
          {WHY[nearestMiss.why]}.
        </p>
      )}
      {comparedNewest !== undefined && (
        <p className="hint">Only the newest {comparedNewest} passages were compared.</p>
      )}
    </div>
  );
}
