import { useQueryClient } from '@tanstack/react-query';
import { useAgentName } from '../../api/agents.ts';
import { api, PAGED, type Schemas } from '../../api/client.ts';
import { REFRESH_MS } from '../../api/refresh.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { When } from '../../ui/format.tsx';
import { More } from '../../ui/more.tsx';
import { tell } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

type Escalation = Schemas['Escalations']['escalations'][number];
const BY: Record<Escalation['openedBy'], string> = {
  person: 'A person has taken over',
  agent: 'The agent has asked for a person',
  api: 'By a call of the API',
};

/** Threads where a person has taken over, and the agent is silent. */
export function HandOvers() {
  const escalations = api.useInfiniteQuery(
    'get',
    '/v1/escalations',
    {},
    { ...PAGED, refetchInterval: REFRESH_MS },
  );
  return (
    <Section title="Threads that a person has taken over">
      <Loaded of={escalations}>
        {({ pages }) => {
          const waiting = pages
            .flatMap((page) => page.escalations)
            .filter(({ state }) => state === 'escalated');
          if (waiting.length === 0) return <Empty title="The agents speak in every thread" />;
          return (
            <>
              <ul className="rows" aria-label="Threads that a person has taken over">
                {waiting.map((one) => (
                  <HandOver key={one.threadId} escalation={one} />
                ))}
              </ul>
              <More of={escalations} />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function HandOver({ escalation }: { escalation: Escalation }) {
  const { threadId, agentId, openedAt, openedBy } = escalation;
  const { canChat } = useRights();
  const nameOf = useAgentName();
  // A call of the API takes over threads that no agent is known of, too.
  const name = agentId === null ? 'The agent' : nameOf(agentId);
  const queryClient = useQueryClient();
  const handBack = api.useMutation('delete', '/v1/threads/{threadId}/escalation', {
    onSuccess: () => {
      tell(`${name} speaks in that thread again.`);
      return queryClient.invalidateQueries({ queryKey: ['get', '/v1/escalations'] });
    },
  });
  return (
    <li className="row-item">
      <div className="grow">
        <p className="row-title">
          <bdi>{name}</bdi> has been silent since <When at={openedAt} />
        </p>
        <p className="hint">
          {BY[openedBy]} · <code>{threadId}</code>
        </p>
      </div>
      {canChat && (
        <Button
          isPending={handBack.isPending}
          aria-label={`Hand back to the agent, thread ${threadId}`}
          onPress={() => handBack.mutate({ params: { path: { threadId } } })}
        >
          Hand back to the agent
        </Button>
      )}
      {handBack.error && <Failure error={handBack.error} />}
    </li>
  );
}
