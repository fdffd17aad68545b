import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useAgentName } from '../../api/agents.ts';
import { api, PAGED } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { TextInput } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { More } from '../../ui/more.tsx';
import { tell } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

const CHANNELS = ['get', '/v1/slack/channels'] as const;

/** Channels that have an agent of their own. */
export function Channels() {
  const { canChange } = useRights();
  const channels = api.useInfiniteQuery('get', '/v1/slack/channels', {}, PAGED);
  return (
    <Section title="Channels">
      <p className="hint">In every channel that is not listed here, the workspace’s own agent speaks.</p>
      <Loaded of={channels}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.channels);
          if (all.length === 0) return <Empty title="No channel has an agent of its own" />;
          return (
            <>
              <ul className="rows" aria-label="Channels">
                {all.map((channel) => (
                  <Channel key={channel.channelId} {...channel} />
                ))}
              </ul>
              <More of={channels} />
            </>
          );
        }}
      </Loaded>
      {canChange && <GiveChannel />}
    </Section>
  );
}

function Channel({ channelId, agentId }: { channelId: string; agentId: string }) {
  const { canChange } = useRights();
  const nameOf = useAgentName();
  const queryClient = useQueryClient();
  const take = api.useMutation('delete', '/v1/agents/{agentId}/slack/channels/{channelId}', {
    onSuccess: () => {
      tell(`The workspace’s own agent speaks in ${channelId} now.`);
      return queryClient.invalidateQueries({ queryKey: CHANNELS });
    },
  });
  return (
    <li className="row-item">
      <p className="grow">
        <code>{channelId}</code> has <bdi>{nameOf(agentId)}</bdi>
      </p>
      {canChange && (
        <Button
          kind="quiet"
          aria-label={`Take out ${nameOf(agentId)} of ${channelId}`}
          isPending={take.isPending}
          onPress={() => take.mutate({ params: { path: { agentId, channelId } } })}
        >
          Take out
        </Button>
      )}
      {take.error && <Failure error={take.error} />}
    </li>
  );
}

function GiveChannel() {
  const [channelId, setChannelId] = useState('');
  const [agentId, setAgentId] = useState('');
  const queryClient = useQueryClient();
  const nameOf = useAgentName();
  const give = api.useMutation('put', '/v1/agents/{agentId}/slack/channels/{channelId}', {
    onSuccess: (_, { params: { path } }) => {
      setChannelId('');
      tell(`${nameOf(path.agentId)} speaks in ${path.channelId} now.`);
      return queryClient.invalidateQueries({ queryKey: CHANNELS });
    },
  });
  return (
    <Form
      className="row wrap top"
      fields={['channelId']}
      error={give.error}
      onSubmit={() => {
        if (agentId) return give.mutateAsync({ params: { path: { agentId, channelId: channelId.trim() } } });
        tell('Choose an agent first.');
        return undefined;
      }}
    >
      <TextInput
        label="Channel’s id in Slack"
        name="channelId"
        value={channelId}
        onChange={setChannelId}
        placeholder="C0123456789"
        autoComplete="off"
        isRequired
      />
      <AgentChoice value={agentId || null} onChange={setAgentId} />
      <div className="beside-fields">
        <Button type="submit" isPending={give.isPending}>
          Give it this agent
        </Button>
      </div>
    </Form>
  );
}
