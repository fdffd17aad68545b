import { useEffect } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { memoryIsGone, type Scope } from '../../api/memory.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { number, When } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Failure, Waiting } from '../../ui/states.tsx';

const LOOK_EVERY_MS = 700;
const REMOVED: ReadonlyArray<[keyof Schemas['Erasure']['removed'], string]> = [
  ['window', 'Messages of the window'],
  ['memories', 'Memories'],
  ['passages', 'Passages'],
  ['executions', 'Workflows in Temporal'],
  ['turns', 'Turns in the ledger'],
  ['keys', 'Keys in Redis'],
];

/** Erasures whose end has been heeded: looking at a receipt once more changes nothing. */
const heeded = new Set<string>();

/** Forgets all of a user, and shows the receipt. `erasureId` is the erasure that was begun here last. */
export function EraseMemory({
  scope,
  erasureId,
  onErase,
}: {
  scope: Scope;
  erasureId: string | undefined;
  onErase: (erasureId: string) => void;
}) {
  const erase = api.useMutation('delete', '/v1/agents/{agentId}/users/{userId}/memory');
  return (
    <Section title="Erase">
      <p className="hint">
        Everything that this person and the agent have said goes from every store, Temporal’s histories
        included. It can’t be taken back. What remains for a while, such as in backups, the receipt names.
      </p>
      <Confirm
        title={`Erase the memory of ${scope.userId}`}
        typed={scope.userId}
        action="Erase"
        trigger={<Button kind="danger">Erase this memory …</Button>}
        onConfirm={() =>
          // Not where somebody has gone elsewhere meanwhile.
          erase.mutateAsync({ params: { path: scope } }, { onSuccess: ({ erasureId }) => onErase(erasureId) })
        }
      >
        <p>Export it first if anybody may need it.</p>
      </Confirm>
      {erasureId !== undefined && <ErasureReceipt key={erasureId} erasureId={erasureId} scope={scope} />}
    </Section>
  );
}

function ErasureReceipt({ erasureId, scope: { agentId, userId } }: { erasureId: string; scope: Scope }) {
  const { data, error } = api.useQuery(
    'get',
    '/v1/erasures/{erasureId}',
    { params: { path: { erasureId } } },
    { refetchInterval: ({ state }) => (state.data?.finishedAt ? false : LOOK_EVERY_MS) },
  );
  const isDone = typeof data?.finishedAt === 'string';
  useEffect(() => {
    if (!isDone || heeded.has(erasureId)) return;
    heeded.add(erasureId);
    void memoryIsGone({ agentId, userId });
    tell('The memory is erased. The receipt stands below.');
  }, [isDone, erasureId, agentId, userId]);
  if (error) return <Failure error={error} />;
  if (!data) return <Waiting what="Erasing" />;
  return (
    <div className="card">
      <h3>{data.finishedAt === null ? 'Erasing …' : 'Erased'}</h3>
      <dl className="facts">
        {REMOVED.map(([what, label]) => (
          <div key={what}>
            <dt>{label}</dt>
            <dd>{number(data.removed[what])}</dd>
          </div>
        ))}
      </dl>
      {data.finishedAt !== null && (
        <>
          <p className="hint">
            Finished <When at={data.finishedAt} />. Receipt <code>{data.erasureId}</code>
          </p>
          {data.remains.length > 0 && (
            <>
              <h4>What remains, and until when</h4>
              <ul>
                {data.remains.map(({ where, until }) => (
                  <li key={where}>
                    {where}: {until}
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </div>
  );
}
