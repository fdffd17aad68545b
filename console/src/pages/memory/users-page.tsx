import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useAgentNames } from '../../api/agents.ts';
import { api, PAGED } from '../../api/client.ts';
import { memoryPath, userIdProblem } from '../../paths.ts';
import { useRights } from '../../session/session.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { When } from '../../ui/format.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { UserIdInput } from '../../ui/user-id-input.tsx';

/** Who has talked to an agent. */
export function UsersPage({ agentId: given }: { agentId: string | undefined }) {
  const [, navigate] = useLocation();
  const agents = useAgentNames();
  return (
    <Page title="Memory" lead="What an agent remembers of each person who has talked to it.">
      <Loaded of={agents}>
        {(known) => {
          const agentId = given ?? known[0]?.id;
          if (agentId === undefined) {
            return (
              <Empty title="There is no agent yet">
                <p>People are remembered by the agent that they talk to.</p>
              </Empty>
            );
          }
          return (
            <>
              <div className="row wrap top">
                <AgentChoice value={agentId} onChange={(id) => navigate(`/memory/${id}`)} />
                <OtherUser key={agentId} agentId={agentId} />
              </div>
              <Users agentId={agentId} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** Leads to a user by id. */
function OtherUser({ agentId }: { agentId: string }) {
  const [userId, setUserId] = useState('');
  const [, navigate] = useLocation();
  return (
    <form
      className="row bottom"
      onSubmit={(event) => {
        event.preventDefault();
        if (userId.trim() && !userIdProblem(userId)) navigate(memoryPath(agentId, userId.trim()));
      }}
    >
      <UserIdInput label="Or a user’s id" value={userId} onChange={setUserId} />
      <Button type="submit">Open</Button>
    </form>
  );
}

function Users({ agentId }: { agentId: string }) {
  const { canChat } = useRights();
  const users = api.useInfiniteQuery(
    'get',
    '/v1/agents/{agentId}/users',
    { params: { path: { agentId }, query: { limit: 50 } } },
    PAGED,
  );
  return (
    <Loaded of={users}>
      {({ pages }) => {
        const all = pages.flatMap((page) => page.users);
        if (all.length === 0) {
          return (
            <Empty title="Nobody has talked to this agent yet">
              {canChat && (
                <Link href={`/chat/${agentId}`} className="link">
                  Say something
                </Link>
              )}
            </Empty>
          );
        }
        return (
          <>
            <ul className="rows" aria-label="Users">
              {all.map(({ userId, activeAt }) => (
                <li key={userId}>
                  <Link href={memoryPath(agentId, userId)} className="row-link">
                    <span className="row-title">{userId}</span>
                    <span className="hint">
                      {activeAt === null ? 'imported' : <>last wrote {<When at={activeAt} />}</>}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
            <More of={users} />
          </>
        );
      }}
    </Loaded>
  );
}
