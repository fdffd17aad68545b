import { useState } from 'react';
import { api } from '../../api/client.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { When } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Failure } from '../../ui/states.tsx';

/** Makes a link by which a company installs an agent. */
export function InstallLink() {
  const [agentId, setAgentId] = useState('');
  const make = api.useMutation('post', '/v1/agents/{agentId}/slack/install-link', {
    onSuccess: () => tell('The link is made: it stands below.'),
  });
  return (
    <Section title="Install in a company’s Slack">
      <p className="hint">
        A link for whoever may install apps in that workspace. It works once. The agent speaks there
        afterwards.
      </p>
      <div className="row wrap top">
        <AgentChoice value={agentId || null} onChange={setAgentId} />
        <div className="beside-fields">
          <Button
            isPending={make.isPending}
            onPress={() => {
              if (agentId) make.mutate({ params: { path: { agentId } } });
              else tell('Choose an agent first.');
            }}
          >
            Make a link
          </Button>
        </div>
      </div>
      {make.error && <Failure error={make.error} />}
      {make.data && (
        <div className="stack small">
          <Copyable text={make.data.url} label="The link" />
          <p className="hint">
            It can be opened until <When at={make.data.expiresAt} />.
          </p>
        </div>
      )}
    </Section>
  );
}
