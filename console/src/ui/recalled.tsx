import { Link } from 'wouter';
import type { Schemas } from '../api/client.ts';
import { useRights } from '../session/session.ts';
import { bestOf, Fits } from './fits.tsx';
import { count, decimal, share, When } from './format.tsx';

type Memory = NonNullable<Extract<Schemas['Message'], { state: 'done' }>['memory']>;
export type Recalled = Memory['recalled'][number];
type Receipt = NonNullable<Memory['receipt']>;

const WHY: Record<NonNullable<Receipt['nearestMiss']>['why'], string> = {
  threshold: 'the match lay below the threshold',
  topK: 'the agent recalls no more exchanges than these',
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
                ` · was said beside number ${best.beside}`}
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

/** What decided whether anything was recalled, and what nearly was. */
export function ReceiptNote({ receipt, isEmpty }: { receipt: Receipt | null; isEmpty: boolean }) {
  const { canRead } = useRights();
  if (!receipt) return isEmpty ? <p>Nothing was recalled.</p> : null;
  const { match, threshold, nearestMiss, comparedNewest } = receipt;
  return (
    <div className="stack small">
      {isEmpty && <p>Nothing was recalled.</p>}
      <p>
        What decides whether anything is recalled is the match: of the best, meaning and words in one number.
        It was {decimal(match)}, and the agent’s threshold {decimal(threshold)}.
      </p>
      {nearestMiss && (
        <p>
          Nearly recalled: what was said on <When at={nearestMiss.createdAt} /> has {share(nearestMiss.score)}{' '}
          of all that fits (meaning {decimal(nearestMiss.cosine)}, words {share(nearestMiss.lexical)}), but{' '}
          {WHY[nearestMiss.why]}.{' '}
          {canRead && (
            <Link href={`/turns/${nearestMiss.exchangeId}`} className="link">
              What was said there
            </Link>
          )}
        </p>
      )}
      {comparedNewest !== undefined && (
        <p className="hint">
          This memory is large: only its newest {count(comparedNewest, 'passage')} were compared.
        </p>
      )}
    </div>
  );
}
