import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { api } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { tell } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Loaded } from '../../ui/states.tsx';
import { useUnsaved } from '../../ui/unsaved.ts';
import { AgentForm } from './agent-form.tsx';
import { bodyOf, changesOf, draftOf, EMPTY, type Agent } from './draft.ts';
import { Trial } from './trial.tsx';

/** Makes an agent. */
export function NewAgentPage() {
  const [draft, setDraft] = useState(EMPTY);
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const create = api.useMutation('post', '/v1/agents', {
    onSuccess: async ({ name }) => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] });
      tell(`${name} is made.`);
    },
  });
  // While it is being made all of it is on its way.
  useUnsaved(draft !== EMPTY && !create.isPending && !create.isSuccess);
  return (
    <Page title="New agent" lead="A name is enough; the rest can follow.">
      <AgentForm
        draft={draft}
        onChange={setDraft}
        onSave={() =>
          create.mutateAsync(
            { body: bodyOf(draft) },
            // Not where somebody has gone elsewhere meanwhile.
            { onSuccess: ({ id }) => navigate(`/agents/${id}`) },
          )
        }
        isSaving={create.isPending}
        error={create.error}
        action="Make the agent"
        whenEmpty="A number that is left empty is the default."
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
  const { canChat } = useRights();
  return (
    <Page
      title={agent.data?.name ?? 'Agent'}
      isReady={!agent.isPending}
      lead={agent.data?.jobTitle || undefined}
      wide
      actions={
        agent.data && (
          <>
            {canChat && (
              <Link href={`/chat/${agentId}`} className="button plain">
                Chat
              </Link>
            )}
            <Link href={`/memory/${agentId}`} className="button plain">
              Memory
            </Link>
          </>
        )
      }
    >
      <Loaded of={agent}>{(known) => <KnownAgent agent={known} />}</Loaded>
    </Page>
  );
}

/** The form stays as it is when it has saved: who works in it keeps the place, and what was typed since. */
function KnownAgent({ agent }: { agent: Agent }) {
  const [draft, setDraft] = useState(() => draftOf(agent));
  const { canChange } = useRights();
  const queryClient = useQueryClient();
  const save = api.useMutation('patch', '/v1/agents/{agentId}');
  const changes = changesOf(agent, draft);
  const hasChanges = Object.keys(changes).length > 0;
  useUnsaved(hasChanges && canChange);
  const onSave = () => {
    const params = { path: { agentId: agent.id } };
    if (!hasChanges) {
      tell('Nothing has been changed here.');
      return undefined;
    }
    return save.mutateAsync(
      { params, body: changes },
      {
        onSuccess: (saved) => {
          queryClient.setQueryData(['get', '/v1/agents/{agentId}', { params }], saved);
          setDraft((now) => (now === draft ? draftOf(saved) : now));
          tell('Saved.');
          void queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] });
        },
      },
    );
  };
  return (
    <div className="columns">
      <AgentForm
        draft={draft}
        onChange={setDraft}
        onSave={onSave}
        isSaving={save.isPending}
        error={save.error}
        action="Save"
        {...(hasChanges && { note: 'Not saved yet' })}
        whenEmpty="A number that is left empty stays as it was."
        isReadOnly={!canChange}
      />
      <Trial agent={agent} changes={changes} />
    </div>
  );
}
