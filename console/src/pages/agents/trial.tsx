import { useEffect, useRef, useState } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { useSession } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { userIdProblem } from '../../paths.ts';
import { TextInput } from '../../ui/fields.tsx';
import { count, number } from '../../ui/format.tsx';
import { MISSING } from '../../ui/missing.ts';
import { tell } from '../../ui/notice.tsx';
import { Prompt } from '../../ui/prompt.tsx';
import { RecalledList, ReceiptNote } from '../../ui/recalled.tsx';
import { Failure } from '../../ui/states.tsx';
import { UserIdInput } from '../../ui/user-id-input.tsx';
import { assumptionOf } from './assumes.ts';
import type { Agent, NewAgent } from './draft.ts';

type Preview = Schemas['Preview'];
type Tried = { agent: Agent; changes: Partial<NewAgent>; userId: string; text: string };

const isOtherThan = (tried: Tried | undefined, now: Tried): boolean =>
  tried !== undefined && JSON.stringify(tried) !== JSON.stringify(now);

/** Tries a message against a real memory, with the settings as they are and as they would be. */
export function Trial({ agent, changes }: { agent: Agent; changes: Partial<NewAgent> }) {
  const [userId, setUserId] = useState('');
  const [text, setText] = useState('');
  // What was tried last, and with what.
  const [tried, setTried] = useState<Tried>();
  const now: Tried = { agent, changes, userId: userId.trim(), text };
  const { data: session } = useSession();
  const present = api.useMutation('post', '/v1/agents/{agentId}/preview');
  const proposed = api.useMutation('post', '/v1/agents/{agentId}/preview');
  const hasChanges = Object.keys(changes).length > 0;
  const results = useRef<HTMLDivElement>(null);
  const isThere = present.isSuccess && !proposed.isPending;
  const said = isThere ? inShort(present.data, proposed.data) : undefined;
  useEffect(() => {
    if (said === undefined) return;
    results.current?.scrollIntoView({ block: 'nearest' });
    tell(said);
  }, [said]);
  const tryIt = () => {
    const params = { path: { agentId: agent.id } };
    const message = { userId: now.userId, text };
    setTried(now);
    present.mutate({ params, body: message });
    if (hasChanges) proposed.mutate({ params, body: { ...message, agent: changes } });
    else proposed.reset();
  };
  const error = proposed.error ?? present.error;
  return (
    <>
      <section className="trial" aria-labelledby="trial-title">
        <h2 id="trial-title">Try it</h2>
        <p className="hint">
          What would be sent for a message, and what would be recalled. Nothing is stored, and no model is
          asked.
        </p>
        {session?.kind === 'key' && !session.canSearch && (
          <p className="warning">This API has no embedding model, so nothing can be recalled here.</p>
        )}
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (now.userId && !userIdProblem(userId) && text.trim()) tryIt();
          }}
        >
          <UserIdInput label="Memory of user" value={userId} onChange={setUserId} />
          <TextInput label="Test message" value={text} onChange={setText} rows={2} isRequired />
          <div className="row">
            <Button type="submit" isPending={present.isPending || proposed.isPending}>
              {hasChanges ? 'Compare' : 'Show what would be sent'}
            </Button>
          </div>
        </form>
        {error && <Failure error={error} />}
        {/* Always there: a screen reader follows what changes in a place that it knows. */}
        <div role="status">
          {isThere && isOtherThan(tried, now) && (
            <p className="warning">
              Something has been changed since this was tried: the result is of before. Try it again.
            </p>
          )}
        </div>
      </section>
      <div className="side-by-side" ref={results}>
        {present.data && (
          <PreviewView title={proposed.data ? 'At present' : 'As it is'} preview={present.data} />
        )}
        {proposed.data && <PreviewView title="As proposed" preview={proposed.data} />}
      </div>
    </>
  );
}

const exchangesIn = ({ recalled }: Preview): string =>
  count(new Set(recalled.map(({ exchangeId }) => exchangeId)).size, 'exchange');

/** What has come of a trial, for whoever can't see the two beside each other. */
function inShort(present: Preview, proposed: Preview | undefined): string {
  const now = exchangesIn(present);
  return proposed
    ? `Recalled: ${now} at present, ${exchangesIn(proposed)} as proposed.`
    : `Recalled: ${now}.`;
}

function PreviewView({ title, preview }: { title: string; preview: Preview }) {
  const { prompt, recalled, receipt, estimatedTokens, windowSize, droppedFromWindow } = preview;
  const assumption = assumptionOf(preview);
  return (
    <section className="card stack" aria-label={title}>
      <h3>{title}</h3>
      <p className="receipt-facts">
        <span>{exchangesIn(preview)} recalled</span>
        <span>{count(windowSize, 'message')} of the window</span>
        {droppedFromWindow > 0 && <span>{number(droppedFromWindow)} more had no room</span>}
        <span>about {count(estimatedTokens, 'token')}</span>
      </p>
      <RecalledList recalled={recalled} />
      <ReceiptNote receipt={receipt} isEmpty={recalled.length === 0} />
      {preview.missing.map((what) => (
        <p key={what} className="warning">
          Here {MISSING[what]}.
        </p>
      ))}
      {assumption !== undefined && <p className="hint">{assumption}</p>}
      <details>
        <summary>The exact prompt</summary>
        <Prompt messages={prompt} />
      </details>
    </section>
  );
}
