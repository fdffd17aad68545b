import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { useAgentName } from '../../api/agents.ts';
import { api, PAGED, type Schemas } from '../../api/client.ts';
import { REFRESH_MS } from '../../api/refresh.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { When } from '../../ui/format.tsx';
import { MISSING } from '../../ui/missing.ts';
import { More } from '../../ui/more.tsx';
import { tell } from '../../ui/notice.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

type Filter = { agentId?: string; state?: 'failed'; degraded?: 'true' };
type Turn = Schemas['Turns']['turns'][number];

/** Turns of one kind, newest first; each opens its story. */
export function TurnList({ filter, empty }: { filter: Filter; empty: string }) {
  const turns = api.useInfiniteQuery(
    'get',
    '/v1/turns',
    { params: { query: { ...filter, limit: 20 } } },
    { ...PAGED, refetchInterval: REFRESH_MS },
  );
  return (
    <Loaded of={turns}>
      {({ pages }) => {
        const all = pages.flatMap((page) => page.turns);
        if (all.length === 0) return <Empty title={empty} />;
        return (
          <>
            <ul className="rows">
              {all.map((turn) => (
                <TurnRow key={turn.messageId} turn={turn} />
              ))}
            </ul>
            <More of={turns} />
          </>
        );
      }}
    </Loaded>
  );
}

function TurnRow({ turn }: { turn: Turn }) {
  const { messageId, agentId, userId, channel, state, acceptedAt, missing } = turn;
  const { canChat } = useRights();
  const nameOf = useAgentName();
  const queryClient = useQueryClient();
  const retry = api.useMutation('post', '/v1/messages/{messageId}/retry', {
    onSuccess: () => tell(`${userId} is being answered again.`),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['get', '/v1/turns'] }),
  });
  return (
    <li className="row-item">
      <Link href={`/turns/${messageId}`} className="row-link">
        <span>
          <span className="row-title">
            <bdi>{userId}</bdi> to <bdi>{nameOf(agentId)}</bdi>
          </span>
          <span className="row-note">
            {channel}
            {missing.map((what) => ` · ${MISSING[what]}`)}
          </span>
        </span>
        <span className="hint">
          <When at={acceptedAt} />
        </span>
      </Link>
      {state === 'failed' && canChat && (
        <Button
          aria-label={`Answer again, ${userId}`}
          isPending={retry.isPending}
          onPress={() => retry.mutate({ params: { path: { messageId } } })}
        >
          Answer again
        </Button>
      )}
      {retry.error && <Failure error={retry.error} />}
    </li>
  );
}
