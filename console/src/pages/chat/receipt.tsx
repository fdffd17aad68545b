/** Why an agent said what it said: what it had before it. */
import { Link } from 'wouter';
import type { Schemas } from '../../api/client.ts';
import { useRights, useWorkflowLink } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { count, duration, number, share } from '../../ui/format.tsx';
import { External } from '../../ui/icons.tsx';
import { MISSING } from '../../ui/missing.ts';
import { RecalledList, ReceiptNote } from '../../ui/recalled.tsx';
import { StepTimes } from './step-times.tsx';

type Done = Extract<Schemas['Message'], { state: 'done' }>;

/** The receipt in short, with a way to all of it. */
export function ReceiptSummary({ message }: { message: Done }) {
  const { memory, answer } = message;
  const exchanges = new Set(memory?.recalled.map(({ exchangeId }) => exchangeId)).size;
  const first = memory?.recalled.find(({ rank }) => rank === 1) ?? memory?.recalled[0];
  return (
    <div className="receipt" role="group" aria-label="Why this reply, in short">
      {memory ? (
        <>
          <p className="receipt-facts">
            <span>{count(memory.windowSize, 'message')} of the window</span>
            <span>{exchanges === 0 ? 'nothing recalled' : `${count(exchanges, 'exchange')} recalled`}</span>
            {answer?.model && <span>{answer.model}</span>}
          </p>
          {first && (
            <blockquote className="receipt-first">
              <p>{first.content}</p>
              <footer>the best of them: {share(first.score)} of all that fits</footer>
            </blockquote>
          )}
        </>
      ) : (
        <p className="hint">How this reply came about is no longer kept.</p>
      )}
      {message.missing.map((what) => (
        <p key={what} className="warning">
          Degraded: {MISSING[what]}
        </p>
      ))}
      <Dialog title="Why this reply" isSheet trigger={<Button kind="quiet">Why?</Button>}>
        {() => <Receipt message={message} />}
      </Dialog>
    </div>
  );
}

/** The whole receipt. */
function Receipt({ message }: { message: Done }) {
  const { memory, answer, messageId, workflowId } = message;
  const { canRead } = useRights();
  const link = useWorkflowLink()(workflowId);
  return (
    <div className="stack">
      {memory && (
        <section className="stack">
          <h3>What it had before it</h3>
          <p>
            {count(memory.windowSize, 'message')} of the window, word for word
            {memory.droppedFromWindow > 0 && `; ${number(memory.droppedFromWindow)} more had no room`}.
          </p>
          <RecalledList recalled={memory.recalled} />
          <ReceiptNote receipt={memory.receipt ?? null} isEmpty={memory.recalled.length === 0} />
          {memory.embeddedInPart?.map((what) => (
            <p key={what} className="hint">
              The {what} is long: the embedding model has read a part of it.
            </p>
          ))}
        </section>
      )}
      {answer && (
        <section className="stack">
          <h3>Who answered</h3>
          <dl className="facts">
            <dt>Model</dt>
            <dd>{answer.model}</dd>
            {answer.usage && (
              <>
                <dt>Tokens</dt>
                <dd>
                  {number(answer.usage.promptTokens)} in, {number(answer.usage.completionTokens)} out
                </dd>
              </>
            )}
            {answer.finishReason !== undefined && (
              <>
                <dt>Ended by</dt>
                <dd>{answer.finishReason}</dd>
              </>
            )}
          </dl>
          <h3>Time</h3>
          <StepTimes timings={answer.timingsMs} format={duration} />
        </section>
      )}
      <p className="row">
        {canRead && (
          <Link href={`/turns/${messageId}`} className="link">
            The whole story
          </Link>
        )}
        {link !== undefined && (
          <a href={link} target="_blank" rel="noreferrer" className="link">
            The workflow in Temporal <External />
          </a>
        )}
      </p>
    </div>
  );
}
