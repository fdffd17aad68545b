import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { api } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { Page } from '../../ui/page.tsx';
import { Loaded } from '../../ui/states.tsx';
import { AgentForm } from './agent-form.tsx';
import { bodyOf, changesOf, draftOf, EMPTY, type Agent } from './draft.ts';
import { Trial } from './trial.tsx';

/** Makes an agent. */
export function NewAgentPage() {
  const [draft, setDraft] = useState(EMPTY);
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const create = api.useMutation('post', '/v1/agents', {
    onSuccess: async ({ id }) => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] });
      navigate(`/agents/${id}`);
    },
  });
  return (
    <Page title="New agent" lead="A name is enough; the rest can follow.">
      <AgentForm
        draft={draft}
        onChange={setDraft}
        onSave={() => create.mutate({ body: bodyOf(draft) })}
        isSaving={create.isPending}
        error={create.error}
        action="Make the agent"
      />
    </Page>
  );
}

/** Shows an agent, lets it be changed, and what a change would do be tried. */
export function AgentPage({ agentId }: { agentId: string }) {
  const agent = api.useQuery(
    'get',
    '/v1/agents/{agentId}',
    { params: { path: { agentId } } },
    { staleTime: Infinity },
  );
  return <Loaded of={agent}>{(known) => <KnownAgent key={JSON.stringify(known)} agent={known} />}</Loaded>;
}

function KnownAgent({ agent }: { agent: Agent }) {
  const [draft, setDraft] = useState(() => draftOf(agent));
  const { canChat, canChange } = useRights();
  const queryClient = useQueryClient();
  const save = api.useMutation('patch', '/v1/agents/{agentId}', {
    onSuccess: (saved) => {
      queryClient.setQueryData(
        ['get', '/v1/agents/{agentId}', { params: { path: { agentId: agent.id } } }],
        saved,
      );
      return queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] });
    },
  });
  const changes = changesOf(agent, draft);
  return (
    <Page
      title={agent.name}
      lead={agent.jobTitle || 'No job title yet'}
      wide
      actions={
        <>
          {canChat && (
            <Link href={`/chat/${agent.id}`} className="button plain">
              Chat
            </Link>
          )}
          <Link href={`/memory/${agent.id}`} className="button plain">
            Memory
          </Link>
        </>
      }
    >
      <div className="columns">
        <AgentForm
          draft={draft}
          onChange={setDraft}
          onSave={() => save.mutate({ params: { path: { agentId: agent.id } }, body: changes })}
          isSaving={save.isPending}
          error={save.error}
          action="Save"
          isReadOnly={!canChange}
          hasChanges={Object.keys(changes).length > 0}
        />
        <Trial agent={agent} changes={changes} />
      </div>
    </Page>
  );
}
