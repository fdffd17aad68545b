import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useAgentNames } from '../../api/agents.ts';
import { chatPath, userIdProblem } from '../../paths.ts';
import { useRights } from '../../session/session.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { UserIdInput } from '../../ui/user-id-input.tsx';
import { Conversation } from './conversation-view.tsx';

type Asked = { agentId: string | undefined; userId: string | undefined };

/** Talks to an agent as one of its users. */
export function ChatPage({ agentId, userId }: Asked) {
  const agents = useAgentNames();
  const { canChange } = useRights();
  return (
    <Page title="Chat" lead="Talk to an agent as one of the people it knows, or as somebody new." wide>
      <Loaded of={agents}>
        {(known) =>
          known.length === 0 ? (
            <Empty title="There is no agent yet">
              {canChange ? (
                <Link href="/welcome" className="link">
                  Make one
                </Link>
              ) : (
                <p>Somebody with an admin key has to make one.</p>
              )}
            </Empty>
          ) : (
            <>
              <PartnerForm
                key={`${agentId ?? ''} ${userId ?? ''}`}
                agentId={agentId ?? known[0]?.id ?? ''}
                userId={userId ?? ''}
              />
              {agentId !== undefined && userId !== undefined && (
                <Conversation
                  key={`${agentId} ${userId}`}
                  partner={{ agentId, userId }}
                  name={known.find(({ id }) => id === agentId)?.name ?? 'The agent'}
                />
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** Who talks to whom. */
function PartnerForm(initial: { agentId: string; userId: string }) {
  const [agentId, setAgentId] = useState(initial.agentId);
  const [userId, setUserId] = useState(initial.userId);
  const [, navigate] = useLocation();
  const isShown = agentId === initial.agentId && userId === initial.userId && userId !== '';
  return (
    <form
      className="partner"
      onSubmit={(event) => {
        event.preventDefault();
        if (agentId && userId.trim() && !userIdProblem(userId)) navigate(chatPath(agentId, userId.trim()));
      }}
    >
      <AgentChoice label="Talk to" value={agentId} onChange={setAgentId} />
      <UserIdInput label="As the user" value={userId} onChange={setUserId} />
      {!isShown && (
        <Button type="submit" kind="main">
          Begin
        </Button>
      )}
    </form>
  );
}
