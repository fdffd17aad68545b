import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Form } from 'react-aria-components';
import { useAgentName } from '../../api/agents.ts';
import { api, PAGED } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { useFieldErrors } from '../../ui/field-errors.ts';
import { TextInput } from '../../ui/fields.tsx';
import { More } from '../../ui/more.tsx';
import { Section } from '../../ui/page.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

const CHANNELS = ['get', '/v1/slack/channels'] as const;

/** Channels that have an agent of their own. */
export function Channels() {
  const { canChange } = useRights();
  const channels = api.useInfiniteQuery('get', '/v1/slack/channels', {}, PAGED);
  return (
    <Section title="Channels">
      <p className="hint">In every other channel the workspace’s own agent speaks.</p>
      <Loaded of={channels}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.channels);
          if (all.length === 0) return <Empty title="No channel has an agent of its own" />;
          return (
            <>
              <ul className="rows">
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
    onSuccess: () => queryClient.invalidateQueries({ queryKey: CHANNELS }),
  });
  return (
    <li className="row-item">
      <p className="grow">
        <code>{channelId}</code> → {nameOf(agentId)}
      </p>
      {canChange && (
        <Button
          kind="quiet"
          aria-label={`Give ${channelId} back`}
          isPending={take.isPending}
          onPress={() => take.mutate({ params: { path: { agentId, channelId } } })}
        >
          Give back
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
  const give = api.useMutation('put', '/v1/agents/{agentId}/slack/channels/{channelId}', {
    onSuccess: () => {
      setChannelId('');
      return queryClient.invalidateQueries({ queryKey: CHANNELS });
    },
  });
  const wrong = useFieldErrors(give.error);
  return (
    <Form
      className="row wrap top"
      validationErrors={wrong}
      onSubmit={(event) => {
        event.preventDefault();
        if (agentId && channelId.trim())
          give.mutate({ params: { path: { agentId, channelId: channelId.trim() } } });
      }}
    >
      <TextInput
        label="Channel"
        name="channelId"
        value={channelId}
        onChange={setChannelId}
        placeholder="C0123456789"
        autoComplete="off"
      />
      <AgentChoice value={agentId || null} onChange={setAgentId} />
      <div className="beside-fields">
        <Button type="submit" isPending={give.isPending} isDisabled={!agentId || !channelId.trim()}>
          Give the channel
        </Button>
      </div>
      {give.error && Object.keys(wrong).length === 0 && <Failure error={give.error} />}
    </Form>
  );
}
